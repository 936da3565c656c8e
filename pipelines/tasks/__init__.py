"""The interface for `dodo.py`: the doit tasks of the pipelines, job plans and machine checks.

Running a step belongs to `execution`.
"""
