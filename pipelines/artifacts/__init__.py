"""The files that a job made: listed, checked, published."""
