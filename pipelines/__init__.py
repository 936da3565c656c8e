"""How a commit becomes packages. Knows nothing of the coordination repository."""
