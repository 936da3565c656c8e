"""Commands about a job: queue it, build it, show it, run parts of it again.

Commands about a builder or the coordination repository are in the rooms beside this one.
"""
