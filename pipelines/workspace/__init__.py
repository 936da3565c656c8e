"""Every path of a job on disk, and its removal.

What a step writes there belongs to the step.
"""
