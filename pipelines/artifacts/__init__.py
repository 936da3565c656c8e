"""Produced files and the manifest that lists them with digests.

The step that collects them is `steps/artifact_manifest.py`.
"""
