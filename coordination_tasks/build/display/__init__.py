"""The output of a running build on the terminal, live or line by line.

Tables of the commands that only read belong to `commands`.
"""
