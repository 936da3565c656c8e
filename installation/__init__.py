"""What installs, updates and removes a builder of a machine: `scripts/install-builder`.

Only the standard library belongs here: it runs before anything else of this project is installed.
"""
