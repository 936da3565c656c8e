"""Running a step: is it up to date, its records, reuse, retries, resource locks.

What one kind of step does belongs to `steps`.
"""
