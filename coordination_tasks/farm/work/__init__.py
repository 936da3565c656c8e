"""`doit work`: the loop of a builder, and the process of the build that it started.

The build itself is in `build`; watching the farm, which the loop does as well, in `watch.py`.
"""
