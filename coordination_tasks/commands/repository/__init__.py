"""Commands about the coordination repository: its health, locks, messages and upkeep.

Commands about one job belong to `jobs`.
"""
