"""The step kinds, one file each, and their registry; `maven` and `debian` are rooms.

The needs of every step, whatever its kind, belong to `execution`.
"""
