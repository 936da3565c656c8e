"""Steps that make nothing: they decide whether the later steps may run.

Kinds that make or bring something belong beside this room.
"""
