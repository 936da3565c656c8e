"""Commands about the coordination repository: its health, locks, messages and maintenance.

Commands about one job belong to `jobs`.
"""
