"""What `dodo.py` uses: the doit tasks of the pipelines, job plans and machine checks.

How a step runs belongs to `execution`.
"""
