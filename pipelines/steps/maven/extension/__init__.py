"""The extension of Maven: it writes events and leaves out modules that are built already."""
