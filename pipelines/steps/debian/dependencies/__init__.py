"""Build dependencies: relations, survey, decisions, dummy packages and their installation.

Run-time dependencies of the result belong to `checks`.
"""
