"""Which modules to build again after a failure or a change, and the proof for the others.

Reuse of whole steps belongs to `execution`.
"""
