"""Pipelines shown to people: graph, preview, JSON schema, reference page.

Nothing here decides what a pipeline means.
"""
