"""What both packages use: the words that they share, files, records, YAML, command lines.

A rule that only one package needs belongs to that package.
"""
