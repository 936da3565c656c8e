"""Builds what a process of this farm needs, from configuration and lower rooms.

What the parts do belongs to their own rooms.
"""
