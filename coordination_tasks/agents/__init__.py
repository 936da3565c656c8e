"""What AI agents use: the digest of a failure, and the server of the Model Context Protocol.

What people type or look at belongs to `commands` and `web`.
"""
