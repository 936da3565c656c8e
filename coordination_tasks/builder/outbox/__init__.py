"""Writes kept on this disk until the store has them, and their delivery.

What a command means belongs to `store`.
"""
