"""Commands about this machine: its checks, its outbox, its workspaces, its watch loop.

Commands about other builders belong to `jobs` or `repository`.
"""
