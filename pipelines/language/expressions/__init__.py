"""`{...}` in values and scripts, and conditions: parsing, checks, references, substitution.

The values of an expression belong to `domain`.
"""
