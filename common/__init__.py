"""What both packages use and what knows nothing about builds: files, text, command lines.

No rule of a pipeline, a job or the coordination repository belongs here.
"""
