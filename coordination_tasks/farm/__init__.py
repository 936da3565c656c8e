"""The other builders: who is alive, what dead ones held, mail, and upkeep of the repository.

What concerns this machine alone belongs to `builder`.
"""
