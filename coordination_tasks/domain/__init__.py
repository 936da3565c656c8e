"""Values and rules of coordination: jobs, transitions, states, scheduling, errors.

No I/O: no files, processes, network or clock.
"""
