"""Files of a commit, and new commits, directly in Git's object database: no index, no work tree.

Objects are read through one `git cat-file --batch` and written as loose files by gitdb, GitPython's
object database; its own `store` of Git would start a process for each object.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.domain.secret_scan import refuse_new_secrets
from coordination_tasks.repository.git.object_reader import ObjectReader

_TREE = b"40000"
_FILE = b"100644"
_FILES = frozenset({_FILE, b"100755", b"100664"})
_MOST_CACHED = 4096
_LARGEST_KEPT = 4096
"""Bytes."""

Entries = dict[bytes, tuple[bytes, bytes]]
"""A folder: name -> (mode, object id)."""


class GitObjects:
    """The objects of one bare clone. Not for several threads at once."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._reader = ObjectReader(git_dir)
        self._trees: dict[bytes, Entries] = {}
        self._tree_of_commit: dict[str, bytes] = {}
        self._blobs: dict[bytes, bytes] = {}

    def close(self) -> None:
        """End the `cat-file` process."""
        self._reader.close()

    def read(self, commit: str, path: str) -> bytes | None:
        """Content of a file in a commit; None when it does not exist."""
        folder, _, name = path.rpartition("/")
        found = self.folder(commit, folder).get(name.encode())
        if found is None or found[0] == _TREE:
            return None
        if found[0] not in _FILES:
            raise BrokenDocument(f"{path} is not a regular file")
        return self._blob(found[1])

    def folder(self, commit: str, path: str) -> Entries:
        """The entries directly in a folder of a commit; empty when it does not exist."""
        entries = self._entries(self.tree_of(commit))
        for name in path.split("/") if path else ():
            mode, sha = entries.get(name.encode(), (b"", b""))
            if mode != _TREE:
                return {}
            entries = self._entries(sha)
        return entries

    def tree_of(self, commit: str) -> bytes:
        """Object id of the top folder of a commit."""
        if commit not in self._tree_of_commit:
            header = self._object(bytes.fromhex(commit)).partition(b"\n")[0]
            self._tree_of_commit[commit] = bytes.fromhex(header.removeprefix(b"tree ").decode())
        return self._tree_of_commit[commit]

    def commit(
        self,
        parent: str | None,
        changes: Mapping[str, bytes | None],
        *,
        author: str,
        at: datetime,
        message: str,
        history: bool = True,
    ) -> str:
        """Write a commit: `parent` with `changes` (None deletes a file). Returns its object id.

        Without `history` the commit has the files of `parent`, but no parent. Everything that is
        sent to the repository passes through here. Raises SecretFound.
        """
        base = self.tree_of(parent) if parent else None
        before = (self.read(parent, path) if parent else None for path in changes)
        refuse_new_secrets((data for data in before if data is not None), changes)
        refuse_new_secrets((), {"commit message": message.encode("utf-8", "replace")})
        split = {tuple(path.encode().split(b"/")): data for path, data in changes.items()}
        tree = self._changed(base, split, "") or self._store(b"tree", b"")
        stamp = f"{author} <{author}@localhost> {int(at.timestamp())} +0000"
        lines = [f"tree {tree.hex()}", f"author {stamp}", f"committer {stamp}", "", message, ""]
        if parent and history:
            lines.insert(1, f"parent {parent}")
        text = "\n".join(lines).replace("\0", "")
        return self._store(b"commit", text.encode("utf-8", "replace")).hex()

    def tag(self, commit: str, name: str, text: str, *, author: str, at: datetime) -> str:
        """Write an annotated tag of a commit; returns its object id. Raises SecretFound."""
        refuse_new_secrets((), {"tag": text.encode("utf-8", "replace")})
        stamp = f"{author} <{author}@localhost> {int(at.timestamp())} +0000"
        head = f"object {commit}\ntype commit\ntag {name}\ntagger {stamp}\n\n"
        whole = f"{head}{text}\n".replace("\0", "")
        return self._store(b"tag", whole.encode("utf-8", "replace")).hex()

    def _changed(
        self, base: bytes | None, changes: Mapping[tuple[bytes, ...], bytes | None], at: str
    ) -> bytes | None:
        """Object id of the folder `base` with `changes`; None when it becomes empty."""
        entries = dict(self._entries(base)) if base else {}
        below: dict[bytes, dict[tuple[bytes, ...], bytes | None]] = {}
        for (name, *rest), data in changes.items():
            mode, _ = entries.get(name, (_TREE if rest else _FILE, b""))
            if (mode == _TREE) != bool(rest) or (not rest and mode not in _FILES):
                raise BrokenDocument(f"{at}{name.decode()} is a {'file' if rest else 'folder'}")
            if rest:
                below.setdefault(name, {})[tuple(rest)] = data
            elif data is None:
                entries.pop(name, None)
            else:
                entries[name] = (mode, self._store(b"blob", data))
        for name, inner in below.items():
            old = entries.pop(name, (b"", None))[1]
            new = self._changed(old, inner, f"{at}{name.decode()}/")
            if new:
                entries[name] = (_TREE, new)
        return self._store_tree(entries) if entries else None

    def _store_tree(self, entries: Entries) -> bytes:
        # git sorts a folder as if its name ended with a slash
        ordered = sorted(entries.items(), key=lambda e: e[0] + (b"/" if e[1][0] == _TREE else b""))
        sha = self._store(b"tree", b"".join(m + b" " + n + b"\0" + s for n, (m, s) in ordered))
        self._trees[sha] = entries
        return sha

    def _store(self, kind: bytes, data: bytes) -> bytes:
        whole = kind + b" %d\0" % len(data) + data
        sha = hashlib.sha1(whole, usedforsecurity=False).digest()
        packed = zlib.compress(whole, 1)
        from gitdb.base import IStream  # noqa: PLC0415

        self._loose.store(IStream(kind, len(data), BytesIO(packed), sha))
        return sha

    def _entries(self, tree: bytes) -> Entries:
        if tree not in self._trees:
            if len(self._trees) > _MOST_CACHED:
                self._trees.clear()
            self._trees[tree] = _parse_tree(self._object(tree))
        return self._trees[tree]

    def _blob(self, sha: bytes) -> bytes:
        """Content of a file; that of a small one is kept, since several readers ask for it."""
        if sha not in self._blobs:
            data = self._object(sha)
            if len(data) > _LARGEST_KEPT or len(self._blobs) > _MOST_CACHED:
                return data
            self._blobs[sha] = data
        return self._blobs[sha]

    def _object(self, sha: bytes) -> bytes:
        return self._reader.read(sha.hex())

    @cached_property
    def _loose(self) -> Any:
        # who only reads does not wait for its import
        from gitdb.db import LooseObjectDB  # noqa: PLC0415

        return LooseObjectDB(str(self._git_dir / "objects"))


def _parse_tree(data: bytes) -> Entries:
    entries: Entries = {}
    at = 0
    while at < len(data):
        name_end = data.index(b"\0", at)
        mode, _, name = data[at:name_end].partition(b" ")
        at = name_end + 21
        entries[name] = (mode, data[name_end + 1 : at])
    return entries
