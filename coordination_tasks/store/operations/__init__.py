"""Pure functions from documents to documents: enqueue, claim, record, end, release.

They do no I/O; the store runs them in a transaction.
"""
