"""Running a step: is it up to date, its records, reuse, retries, resource locks.

The work of one step kind belongs to `steps`.
"""
