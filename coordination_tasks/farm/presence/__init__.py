"""Heartbeats: sending ours, observing the others', and deciding who is alive.

What follows from a builder's death belongs to `farm`.
"""
