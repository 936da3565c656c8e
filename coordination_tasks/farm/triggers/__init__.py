"""Looks at what starts jobs by itself, and queues them: each commit once in the whole farm.

The state that builders share, and its changes, belong to `store/operations/`.
"""
