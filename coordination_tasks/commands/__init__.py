"""The doit commands, one file each: they parse, call a use case and print.

A decision that a second command could need belongs to a lower room.
"""
