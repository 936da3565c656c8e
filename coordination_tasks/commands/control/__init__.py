"""Commands by which a person, or a program for one, acts on jobs and builders from any machine.

What builds here, or only shows something, belongs to the rooms beside this one.
"""
