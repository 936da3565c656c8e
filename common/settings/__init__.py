"""Settings of `builder.yaml` that steps use, too: where they publish, and what they may reach.

The other settings belong to `coordination_tasks/builder/config/`.
"""
