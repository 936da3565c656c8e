"""The JDK that Maven uses and small Java programs of ours.

Maven's own output belongs to `output`.
"""
