"""The output of Maven: log, events, test reports, and the failure codes read from them.

Running Maven belongs to the folder above.
"""
