"""YAML text to typed models, with the place of every mistake."""
