"""What the reading commands show of farm and jobs: which jobs, in what order, as lines of text.

Options, JSON documents and what a command reads belong to the commands themselves.
"""
