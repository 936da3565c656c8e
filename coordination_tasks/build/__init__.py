"""One run of `doit build`: the doit tasks, their order, signals and the exit code.

How a step works belongs to `pipelines`; the rules of the queue belong to `store`.
"""
