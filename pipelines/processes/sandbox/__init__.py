"""Where the commands of a step run: in a sandbox of the job, or as they are.

What a step needs outside its job's folder is said by its commands; which sandbox a builder uses is
said by its configuration.
"""
