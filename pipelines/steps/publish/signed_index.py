"""The signed index of a suite: `Release`, `Release.gpg` and `InRelease`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common.settings.destinations import Destination
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.capture import capture

Run = Callable[[Sequence[str], Path], str]
"""Runs a program in a folder, and returns its output. Raises StepFailed."""


def tool_output(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float | None = None
) -> str:
    """The output of a tool that succeeds. Raises StepFailed (COMMAND_FAILED) and like `capture`."""
    done = capture(argv, cwd=cwd, env={**env, "LC_ALL": "C.UTF-8"}, timeout=timeout)
    if done.code:
        said = done.errors.strip().splitlines() or ["it says nothing"]
        message = f"{argv[0]} failed with exit code {done.code}: {said[-1][:300]}"
        raise StepFailed(FailureCode.COMMAND_FAILED, message, excerpt=done.errors[-2000:])
    return done.output


def sign_index(
    made: Path, found: Destination, architectures: Sequence[str], at: float, run: Run
) -> None:
    """Write the index of a folder with packages lists, for clients newer than what they have.

    `at` is its file time in seconds: apt asks for an index that is newer than its own. Raises
    StepFailed.
    """
    options = {
        "Release::Origin": found.origin,
        "Release::Label": found.origin,
        "Release::Suite": found.suite,
        "Release::Codename": found.suite,
        "Release::Components": found.component,
        "Release::Architectures": " ".join(architectures),
        "Release::Acquire-By-Hash": "yes",
        "MD5": "false",
        "SHA1": "false",
        **({"Release::ValidTime": str(int(found.valid))} if found.valid else {}),
    }
    words = [f"-oAPT::FTPArchive::{key}={value}" for key, value in options.items()]
    release = run(["apt-ftparchive", *words, "release", "."], made)
    (made / "Release").write_text(release)
    home = ["--homedir", found.gnupg_home] if found.gnupg_home else []
    gpg = ["gpg", *home, "--batch", "--yes", "--no-tty", "--local-user", str(found.signing_key)]
    gpg += ["--digest-algo", "SHA512"]
    run([*gpg, "--output", "InRelease", "--clear-sign", "Release"], made)
    run([*gpg, "--output", "Release.gpg", "--armor", "--detach-sign", "Release"], made)
    for name in ("Release", "Release.gpg", "InRelease"):
        os.utime(made / name, times=(at, at))
