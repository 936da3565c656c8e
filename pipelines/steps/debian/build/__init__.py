"""One packaging from start to result, on the host or in a clean root.

Changes to the source's `debian/` folder belong to `packaging`.
"""
