"""Checks of the coordination repository, one file per kind of fault, and their repair.

Checks of this machine belong to `builder/doctor_checks.py`.
"""
