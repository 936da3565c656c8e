"""Writes kept on this disk until the store has them, and their delivery.

What a write means belongs to `store`.
"""
