"""Who builds what, and what happened: queue, claims, transitions. Knows nothing of Maven."""

import os

# GitPython looks for git when it is imported, and raises where there is none; we say it in a line.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
