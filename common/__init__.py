"""What both packages use and what knows nothing of builds: files, text, command lines.

No rule of a pipeline, a job or the coordination repository belongs here.
"""
