"""Versioned files with compare-and-swap writes: the protocol and an implementation in memory.

Nothing here knows a job or a builder.
"""
