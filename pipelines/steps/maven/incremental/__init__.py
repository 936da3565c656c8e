"""Which modules to build again after a failure or a change, and what proves the others.

Reuse of whole steps belongs to `execution`.
"""
