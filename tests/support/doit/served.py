"""A `doit serve` of a farm, on a free port of this machine."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.conftest import PATIENCE, Farm

TOKEN, BOB = "a-token-of-the-tests-1", "a-token-of-the-tests-2"


@dataclass(frozen=True)
class Served:
    """Where it is."""

    url: str

    def get(self, path: str) -> str:
        """What it answers."""
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return str(answer.read().decode())


@contextmanager
def serve(farm: Farm, *, tokens: bool = True, builder: str = "page") -> Iterator[Served]:
    """Serve until the end."""
    file = farm.folder / "tokens"
    file.write_text(f"# who may act\nAnn: {TOKEN}\nBob: {BOB}\n")
    file.chmod(0o600)
    options = ("--tokens", str(file)) if tokens else ()
    process = farm.start("serve", "--port", "0", *options, builder=builder)
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith("doit serve: http://127.0.0.1:"), line
        yield Served(line.split()[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
