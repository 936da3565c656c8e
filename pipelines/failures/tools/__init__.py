"""The table of signatures, one module for each family of tools.

How the rows are used belongs to the folder above.
"""
