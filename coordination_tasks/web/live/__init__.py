"""`doit serve`: the pages while the farm changes, acts of people, and the same facts for programs.

What the pages show belongs to the room above this one; what an act does, to `commands`.
"""
