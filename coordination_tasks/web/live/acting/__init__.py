"""Who may act through the server, and what: tokens and sessions, the acts, and their pages.

What everybody may read belongs to the room above.
"""
