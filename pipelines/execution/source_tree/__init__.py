"""The changes of each step in the source tree, and how they are undone.

The tree itself is made by the checkout step.
"""
