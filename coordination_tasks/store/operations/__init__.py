"""Pure functions from documents to documents: enqueue, claim, record, end, give back.

They do no I/O; the store runs them in a transaction.
"""
