"""The other builders: which are alive, jobs of dead ones, messages, repository maintenance.

What concerns only this machine belongs to `builder`.
"""
