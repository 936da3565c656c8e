"""The settings of `builder.yaml`: their models, defaults and checks.

Code that uses a setting belongs to the room that needs it.
"""
