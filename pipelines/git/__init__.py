"""Source repositories and trees: mirrors, remotes, tracked and changed files.

Git as a store for coordination belongs to `coordination_tasks/repository/git`.
"""
