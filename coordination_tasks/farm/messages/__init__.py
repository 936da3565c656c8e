"""Messages between builders: send and read, answers by rules, files of all of them for people.

The document itself belongs to `documents/messages.py`, what alerts send to `farm/alerts`.
"""
