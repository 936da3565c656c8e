"""Figures of what this project promises, measured."""
