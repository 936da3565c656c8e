"""Why a tool failed, read from its output: the table of signatures, and the rules that use it.

A new tool is a new row in `tools`; running tools, and what a step does with the answer, belong to
other packages.
"""
