"""`doit version`: which build coordination system this is; `doit --version` is doit's own."""

from __future__ import annotations

import json as json_text
import platform
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from common.cli.command import OPTION_JSON, Command
from common.errors import UsageError

_HOME = Path(__file__).parents[2]
_SECONDS = 10.0


class VersionCommand(Command):
    """doit command."""

    name = "version"
    doc_purpose = "show the version of this build coordination system"
    doc_usage = "[--json]"
    doc_description = """
Exit codes: 0 shown, 3 bad usage.
"""
    group = "care"
    cmd_options = (OPTION_JSON,)

    def _execute(self, json: bool, pos_args: list[str]) -> int:
        if pos_args:
            raise UsageError(f"unexpected argument {pos_args[0][:60]!r}")
        project = tomllib.loads((_HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        found = {
            "version": project["version"],
            "commit": _commit(),
            "folder": str(_HOME),
            "python": platform.python_version(),
            "doit": version("doit"),
        }
        if json:
            sys.stdout.write(json_text.dumps(found, indent=2) + "\n")
            return 0
        commit = f", commit {found['commit'][:12]}" if found["commit"] else ""
        sys.stdout.write(
            f"{project['name']} {found['version']}{commit}, in {found['folder']}"
            f" (Python {found['python']}, doit {found['doit']})\n"
        )
        return 0


def _commit() -> str | None:
    """The commit of the checkout; None when it is none, or there is no git."""
    try:
        done = subprocess.run(
            # Where root installed the program, it belongs to another user than the builder's.
            ["git", "-c", f"safe.directory={_HOME}", "-C", str(_HOME), "rev-parse", "HEAD"],
            check=False, capture_output=True, text=True, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
