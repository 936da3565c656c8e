"""The kinds of steps: each module has one, as a value that `pipelines.kinds` registers."""
