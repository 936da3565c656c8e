"""The doit commands about pipelines: new, plan, graph, validate.

Commands about jobs belong to `coordination_tasks/commands`.
"""
