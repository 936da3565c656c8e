"""Commands about this machine: its checks, its outbox, its workspaces, its watch loop.

Commands that look at other builders belong to `jobs` or `repository`.
"""
