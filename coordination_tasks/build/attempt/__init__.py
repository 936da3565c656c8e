"""One attempt at a job on this builder: claim, prepare, record transitions, stay alive, end.

What doit shows or schedules belongs to `build` itself and to `display`.
"""
