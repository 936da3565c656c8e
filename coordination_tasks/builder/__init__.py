"""The local machine as a builder: locks, disk, secrets, push budget, recovery after a crash.

What concerns other builders belongs to `farm`.
"""
