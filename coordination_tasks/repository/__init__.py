"""Versioned files with compare-and-swap writes: the protocol and an implementation in memory.

Nothing here knows about jobs or builders.
"""
