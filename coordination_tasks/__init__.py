"""Who builds what, and what happened: queue, claims, transitions. Knows nothing of Maven."""
