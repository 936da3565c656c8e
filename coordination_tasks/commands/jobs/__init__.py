"""Commands about a job: queue it, build it, look at it, run parts of it again.

Commands about a builder or the coordination repository stand beside this room.
"""
