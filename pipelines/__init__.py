"""How a commit becomes packages: the language, the steps and how they run.

Who builds what belongs to `coordination_tasks`, which this package never imports.
"""
