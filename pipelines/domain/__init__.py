"""Pipeline, Step, StepKind, conditions, validation and errors as values.

No I/O: no files, processes, network or clock.
"""
