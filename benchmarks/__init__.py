"""Measurements of the figures that this project promises."""
