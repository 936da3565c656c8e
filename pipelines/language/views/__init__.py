"""Pipelines shown to people: graph, preview, JSON schema, reference page.

What a pipeline means is decided elsewhere.
"""
