"""Commands with which a person, or a program, controls jobs and builders from any machine.

Commands that build here, or only show something, belong to the rooms beside this one.
"""
