"""A repository that only grows: the store's writes, sent to `git fast-import` instead of pushed.

Makes in minutes the history that pushes make in hours: same documents, same commits.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

from coordination_tasks.repository.protocol import Mark, Note, Version


class FastImport:
    """See Repository, for one writer. `clock` dates the commits."""

    def __init__(self, remote: Path, clock: Callable[[], datetime]) -> None:
        command = ["git", "fast-import", "--quiet", "--done"]
        self._process = subprocess.Popen(command, cwd=remote, stdin=subprocess.PIPE)
        self._clock = clock
        self._files: dict[str, bytes] = {}
        self._folders: dict[str, dict[str, None]] = defaultdict(dict)
        self.commits = 0

    def __enter__(self) -> FastImport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def known(self) -> Version:
        """See Repository.known."""
        return Version(str(self.commits))

    def fetch(self) -> Version:
        """See Repository.fetch."""
        return self.known()

    def adopt(self, found: Version) -> None:
        """See Repository.adopt; nobody else writes here."""

    def read(self, version: Version, path: str) -> bytes | None:  # noqa: ARG002 - one version
        """See Repository.read."""
        return self._files.get(path)

    def names(self, version: Version, folder: str) -> tuple[str, ...]:  # noqa: ARG002 - as in read
        """See Repository.names."""
        return tuple(sorted(self._folders.get(folder, ())))

    def push_if_unchanged(
        self,
        version: Version,  # noqa: ARG002 - as in read
        changes: Mapping[str, bytes | None],
        message: str,
        takes: Sequence[Note] = (),  # noqa: ARG002 - nobody leaves any
        marks: Sequence[Mark] = (),  # noqa: ARG002 - nobody asks for any
    ) -> Version:
        """See Repository.push_if_unchanged."""
        text = message.encode()
        stamp = f"farm <farm@localhost> {int(self._clock().timestamp())} +0000".encode()
        head = b"commit refs/heads/main\ncommitter %s\ndata %d\n%s\n" % (stamp, len(text), text)
        self._send(head)
        for path, data in changes.items():
            self._change(path, data)
        self.commits += 1
        return self.known()

    def fetch_notes(self) -> tuple[Note, ...]:
        """See Repository.fetch_notes."""
        return ()

    def leave_note(self, owner: str, data: bytes) -> None:
        """See Repository.leave_note; no write is lost here, so none is left."""

    def withdraw_note(self, owner: str) -> bool:  # noqa: ARG002 - as in leave_note
        """See Repository.withdraw_note."""
        return False

    def contains(self, version: Version, earlier: Version) -> bool:
        """See Repository.contains."""
        return int(earlier) <= int(version)

    def close(self) -> None:
        """Let git write what it was sent. Raises CalledProcessError when it could not."""
        if self._process.stdin:
            self._send(b"done\n")
            self._process.stdin.close()
            self._process.stdin = None
        if self._process.wait() != 0:
            raise subprocess.CalledProcessError(self._process.returncode, self._process.args)

    def _change(self, path: str, data: bytes | None) -> None:
        folder, _, name = path.rpartition("/")
        if data is None:
            del self._files[path]
            del self._folders[folder][name]
            self._send(b"D %s\n" % path.encode())
            return
        self._files[path] = data
        self._send(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
        while name not in self._folders[folder]:
            self._folders[folder][name] = None
            folder, _, name = folder.rpartition("/")

    def _send(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
