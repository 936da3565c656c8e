"""The digest of a failed job: rules that choose and cut what an agent reads of it. Pure.

Reading the records belongs to the room above.
"""
