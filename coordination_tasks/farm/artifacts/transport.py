"""Reads files of a builder through ssh: by rsync where both machines have it, else by tar.

The builder is not believed: what it sends beyond its manifest never reaches the disk.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from common.digests import Readable
from coordination_tasks.domain.errors import (
    ArtifactChanged,
    BadConfiguration,
    NotFound,
    Unavailable,
)
from coordination_tasks.farm.artifacts.manifest import ManifestFile
from coordination_tasks.farm.artifacts.published import Published

_SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15")
_SHOWN = 3  # lines of what ssh, rsync or tar said
_PER_FILE, _BESIDES = 8 << 10, 1 << 20
"""Bytes that rsync and tar may need besides the content: for each file, and in all."""
_ABSENT = "no rsync here"
_REMOTE_SHELL = """#!/bin/sh
shift # the host, which the address names
SSH 'command -v rsync >/dev/null || { echo ABSENT >&2; exit; };' "$@" | {
    dd bs=64K count=LIMIT iflag=count_bytes status=none
    dd bs=1 count=1 of=beyond status=none
}
"""
"""How rsync reaches the builder: what comes back ends after LIMIT bytes."""


@contextmanager
def files_there(
    published: Published, files: Sequence[ManifestFile], folder: Path
) -> Iterator[Iterator[tuple[ManifestFile, IO[bytes]]]]:
    """The content of each file, to be read in turn; `folder` is empty, and for this alone.

    Raises ArtifactChanged, NotFound, Unavailable, BadConfiguration, TarError, OSError; so does
    reading.
    """
    address = published.address
    if not address or address.startswith("-") or not address.isprintable():
        raise NotFound(
            f"builder {published.builder} publishes no address. Set `address` in its builder.yaml;"
            f" the artifacts are in {published.manifest.folder} there."
        )
    if shutil.which("ssh") is None:
        raise BadConfiguration("ssh is not on PATH: apt-get install openssh-client")
    if shutil.which("rsync") and _rsync(published, files, folder):
        yield _brought(files, folder)
        return
    with tempfile.TemporaryFile() as errors, _tar(published, files, errors) as process:
        yield _unpacked(published, files, process, errors)


class BoundedStream:
    """A stream that raises `error` before it returns more than `limit` bytes."""

    def __init__(self, stream: Readable, limit: int, error: Exception) -> None:
        self._stream = stream
        self._left = limit
        self._error = error

    def read(self, size: int) -> bytes:
        """Like the stream's own."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise self._error
        return data


def _limit(files: Sequence[ManifestFile]) -> int:
    return sum(file.size + _PER_FILE for file in files) + _BESIDES


def _beyond(published: Published) -> ArtifactChanged:
    return ArtifactChanged(f"builder {published.builder} sends more than its manifest lists")


def _rsync(published: Published, files: Sequence[ManifestFile], folder: Path) -> bool:
    """Whether the files are in `folder` now; False: the builder has no rsync."""
    shell, target = folder / "shell", folder / "files"
    ssh, limit = shlex.join([*_SSH, "--", published.address]), str(_limit(files))
    script = _REMOTE_SHELL.replace("ABSENT", _ABSENT).replace("LIMIT", limit).replace("SSH", ssh)
    shell.write_text(script)
    shell.chmod(0o700)
    target.mkdir()
    # whole files, uncompressed: nothing that is written was not sent, and counted
    options = ("--files-from=-", "--from0", "--copy-links", "--whole-file", "--no-compress")
    done = subprocess.run(
        [
            *("rsync", *options, "--protect-args", "--rsh=./shell", "--"),
            *(f"builder:{published.manifest.folder}/", "files/"),
        ],
        check=False,
        cwd=folder,
        input=b"\0".join(file.path.encode() for file in files),
        capture_output=True,
    )
    if done.returncode and _ABSENT.encode() in done.stderr:
        return False
    beyond = folder / "beyond"
    if beyond.exists() and beyond.stat().st_size:
        raise _beyond(published)
    if done.returncode:
        raise _unavailable(published, done.stderr) from None
    return True


def _brought(
    files: Sequence[ManifestFile], folder: Path
) -> Iterator[tuple[ManifestFile, IO[bytes]]]:
    for file in files:
        path = folder / "files" / file.path
        with path.open("rb") as stream:
            yield file, stream
        path.unlink()  # all of them a second time may not fit on the disk


@contextmanager
def _tar(
    published: Published, files: Sequence[ManifestFile], errors: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    paths = [f"./{file.path}" for file in files]
    # the far shell splits what ssh passes on; a second name of a file would be sent without content
    tar = ["tar", "--hard-dereference", "-C", published.manifest.folder, "-chf", "-"]
    process = subprocess.Popen(
        [*_SSH, "--", published.address, shlex.join([*tar, "--", *paths])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _unpacked(
    published: Published,
    files: Sequence[ManifestFile],
    process: subprocess.Popen[bytes],
    errors: IO[bytes],
) -> Iterator[tuple[ManifestFile, IO[bytes]]]:
    wanted = {file.path: file for file in files}
    sent = BoundedStream(cast(IO[bytes], process.stdout), _limit(files), _beyond(published))
    # without an archive, or the end of it, ssh or tar has said why
    with (
        suppress(tarfile.TarError),
        tarfile.open(fileobj=cast(IO[bytes], sent), mode="r|") as archive,
    ):
        for member in archive:
            file = wanted.get(member.name.removeprefix("./"))
            stream = archive.extractfile(member) if file and member.isfile() else None
            if file and stream:
                del wanted[file.path]
                yield file, stream
    if process.wait() or wanted:
        errors.seek(0)
        raise _unavailable(published, errors.read(), f"{len(wanted)} files are missing")


def _unavailable(published: Published, said: bytes, otherwise: str = "") -> Unavailable:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    why = " | ".join(lines[:_SHOWN]) or otherwise
    return Unavailable(f"cannot copy from builder {published.builder}: {why}")
