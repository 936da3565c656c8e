"""Running commands: logs, masking, process trees, cancellation.

What a command means belongs to the step that runs it.
"""
