"""The server of the Model Context Protocol: tools and resources over what the commands do.

What a tool does belongs to the rooms below; here are its arguments, its answer and its errors.
"""
