"""The repository protocol on a Git remote, with Git's plumbing commands.

No other room runs git on the coordination repository.
"""
