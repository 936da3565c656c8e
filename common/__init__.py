"""The code that both packages use: shared terms, files, records, YAML, command lines.

A rule that only one package needs belongs to that package.
"""
