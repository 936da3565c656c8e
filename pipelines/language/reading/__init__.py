"""From YAML documents to pipelines: includes, inheritance, matrix, steps.

Expressions inside values belong to `expressions`.
"""
