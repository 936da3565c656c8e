"""The kinds of steps, one file each, and their registry; `maven` and `debian` are rooms.

What every step needs, whatever its kind, belongs to `execution`.
"""
