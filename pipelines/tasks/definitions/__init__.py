"""The pipelines that all builders take from one branch: which commit of it is used here.

What the pipelines say belongs to `language/`.
"""
