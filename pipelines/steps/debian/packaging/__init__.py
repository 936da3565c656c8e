"""Preparing the source, running the packaging command and reading its outcome.

Installing dependencies belongs to `dependencies`.
"""
