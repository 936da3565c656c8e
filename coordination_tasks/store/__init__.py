"""The queue, claims and attempts as transactions on versioned documents.

How a version is written belongs to `repository`; file formats belong to `documents`.
"""
