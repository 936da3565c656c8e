"""The farm as web pages: what they show, their templates, and the files that they become.

Where the facts come from belongs to the rooms below.
"""
