"""Debian packaging of one commit: its Build-Depends, its version, the build, what came out."""
