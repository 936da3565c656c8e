"""The step kind `publish`: brings finished artifacts to a destination of the builder.

How artifacts are listed belongs to `pipelines/artifacts/`.
"""
