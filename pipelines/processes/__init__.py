"""Running commands: logs, masking, process trees, cancellation.

The meaning of a command belongs to the step that runs it.
"""
