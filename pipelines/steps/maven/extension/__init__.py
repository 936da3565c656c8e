"""The extension of Maven: it writes events and skips modules that are already built."""
