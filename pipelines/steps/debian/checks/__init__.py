"""Checks of built packages: lintian and whether apt can install them.

Checks before a build belong to `dependencies`.
"""
