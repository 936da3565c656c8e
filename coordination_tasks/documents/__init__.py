"""The files of the coordination repository: paths, formats, archive, retention.

When a file changes belongs to `store`.
"""
