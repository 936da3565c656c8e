"""Commands about figures of the farm: how long jobs take, and how it does, for programs.

What they measure is not stored: they compute it from the queue and the records of its jobs.
"""
