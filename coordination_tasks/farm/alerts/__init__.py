"""Finds what people must know, and tells them once: rules, state, and in `channels/` the ways.

What a person sends belongs to `farm/messages`.
"""
