"""Who builds what, and what happened: the queue, claims, transitions and the farm.

How a commit becomes packages belongs to `pipelines`, which this package never imports.
"""
