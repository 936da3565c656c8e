"""The real `doit` in a process of its own that need not start Python and import everything first.

That takes half a second of processor time, and the tests run doit some hundred times. A server that
has imported all is forked for each call: environment, arguments, session and standard streams are
those of a process started by hand. What has to be seen from the start of Python on is not for it.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import NoReturn

HOME = Path(__file__).parents[3]
_AT_START: dict[str, str] = {}
_OWN = ("BUILDER_", "COORDINATION_", "PIPELINES_FILE", "PYTEST_")
"""Beginnings of variables that are read by doit when it runs, or not at all."""
_PACKAGES = ("common", "pipelines", "coordination_tasks")
_LATE = ("sh", "git", "detect_secrets.filters.heuristic", "rich.live", "rich.table")
"""What our modules import when they need it."""


class DoitServer:
    """Forks itself for each call, one after the other; `environment` is the one it started with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = foreign(environment)
        self._process = subprocess.Popen(
            [
                "env",
                "--default-signal=INT,HUP",
                sys.executable,
                "-m",
                "tests.support.doit.forked_doit",
            ],
            cwd=HOME,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, args: tuple[str, ...], environment: Mapping[str, str], patience: float
    ) -> subprocess.CompletedProcess[str]:
        """`doit args` in this environment; ended after `patience` seconds."""
        assert self._process.stdin
        assert self._process.stdout
        with TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            request = {"args": args, "env": dict(environment), "out": str(out), "err": str(err)}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            pid = int(self._process.stdout.readline())
            limit = Timer(patience, os.killpg, (pid, signal.SIGKILL))
            limit.start()
            code = int(self._process.stdout.readline())
            limit.cancel()
            return subprocess.CompletedProcess(args, code, out.read_text(), err.read_text())


def foreign(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that others read too, perhaps when they are imported."""
    return {name: text for name, text in environment.items() if not name.startswith(_OWN)}


def remember_environment() -> None:
    """Take what is there after all imports (GitPython's adds to it), before the first test."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    _AT_START.update(own)


@cache
def doit_server() -> DoitServer:
    """The one of this process; it ends with it."""
    return DoitServer(_AT_START)


def _import_all() -> None:
    for package in _PACKAGES:
        for path in sorted((HOME / package).rglob("*.py")):
            parts = path.relative_to(HOME).with_suffix("").parts
            import_module(".".join(part for part in parts if part != "__init__"))
    for name in (*_LATE, "doit.doit_cmd"):
        import_module(name)


def _serve() -> tuple[str, ...]:
    """Returns in the forked process alone, with the arguments of its doit."""
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
            return tuple(request["args"])
        _tell(pid)
        _, status = os.waitpid(pid, 0)
        _tell(os.waitstatus_to_exitcode(status))
    raise SystemExit


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _become(request: Mapping[str, object]) -> None:
    os.setsid()
    for descriptor, path in enumerate((os.devnull, request["out"], request["err"])):
        opened = os.open(str(path), os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    assert isinstance(request["env"], dict)
    os.environ.update(request["env"])


def _main() -> None:
    _import_all()
    gc.freeze()
    args = _serve()
    from doit.doit_cmd import DoitMain  # noqa: PLC0415 - as `python -m doit` does

    sys.argv = [sys.argv[0], *args]
    try:
        sys.exit(DoitMain().run(list(args)))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _end(end.code or 0)
        raise


def _end(code: int) -> NoReturn:
    """End as Python does, but for taking the modules apart, which takes longer than most commands.

    All of them are here, and to write to them copies the memory that is shared with the server.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main()
