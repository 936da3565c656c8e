"""The `maven` step: its options, command, local repository and result.

Maven runs that Debian packaging starts belong to `debian`.
"""
