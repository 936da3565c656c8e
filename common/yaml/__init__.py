"""YAML text to typed models, with the line and column of every error.

What the models mean belongs to the packages that define them.
"""
