"""One run of `doit build`: the doit tasks, their order, signals and the exit code.

How a step works belongs to `pipelines`; what the queue allows belongs to `store`.
"""
