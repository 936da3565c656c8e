"""The foundation of both packages' commands: doit's command line, a base class, help, screen text.

The commands themselves belong to `coordination_tasks/commands` and `pipelines/commands`.
"""
