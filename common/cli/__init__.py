"""The front of doit: its loader, its help, and its own commands with our errors and our help.

Our own commands belong to `coordination_tasks/commands` and `pipelines/commands`.
"""
