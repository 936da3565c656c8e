"""What commands of both packages stand on: the front of doit, their base, help, text on a screen.

The commands themselves belong to `coordination_tasks/commands` and `pipelines/commands`.
"""
