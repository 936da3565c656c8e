"""Which modules a build takes from earlier ones, and where their results are kept.

Maven itself decides, by `extension`. Reuse of whole steps belongs to `execution`.
"""
