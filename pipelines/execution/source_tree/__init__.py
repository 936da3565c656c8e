"""What each step changed in the source tree, and how that is taken back.

The tree itself is made by the checkout step.
"""
