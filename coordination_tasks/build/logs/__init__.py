"""The logs of a build's steps on their way to others: last lines, complete logs, failures.

Where they are published belongs to `repository`; what a person sees of them to `commands`.
"""
