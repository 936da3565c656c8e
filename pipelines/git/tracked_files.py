"""Modes and object ids of the files in a source tree that a step declares as inputs."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.git.changed_paths import can_name_below
from pipelines.git.local import git_output
from pipelines.git.own_git_dir import git_in_tree

_MOST_NAMED = 500
_PLAIN = "100644"
_SUBMODULE = "160000"
_TRACKED = "H"
_UNKNOWN = "?"
_UNMATCHED = re.compile(r"^error: pathspec ':\(glob\)(.*)' did not match", re.MULTILINE)


def input_files(source: Path, patterns: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    r"""Git's current object id of each file that matches a pattern (`**` too).

    A mode other than that of a regular file precedes the id: `100755 e69de2…`. Git's index has the
    ids of unchanged files; only files that a step changed or made are read. Bytes of a name that
    are not UTF-8 are escaped (`\xff`). More than 500 files of one set become one entry. Raises
    StepFailed (CHECKOUT_FAILED) when git cannot read the tree, (ARTIFACT_MISSING) for a pattern
    that matches nothing.
    """
    if not patterns:
        return {}
    found = {}
    modules = dict(_submodules(source, patterns, env))
    for tag, told, path in _listed(source, patterns, env, modules):
        found[path] = told if tag == _TRACKED else _in_tree(source / path)
    found |= modules
    if len(found) > _MOST_NAMED:
        whole = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
        return {f"{len(found)} files": whole}
    return {_shown(path): found[path] for path in sorted(found)}


def matching_files(source: Path, patterns: Sequence[str]) -> list[Path]:
    """The files that match, in order. Raises StepFailed (ARTIFACT_MISSING, BAD_OUTPUT)."""
    found: set[Path] = set()
    for pattern in patterns:
        files = set(files_that_match(source, pattern))
        if not files:
            raise nothing_matches(
                source,
                pattern,
                f"no file in the source tree matches the output '{pattern}' of the step",
            )
        found |= files
    return sorted(found)


def nothing_matches(source: Path, pattern: str, message: str) -> StepFailed:
    """The failure of a pattern without files; `message` if no better cause is known."""
    found = _Found.below(source, pattern)
    if found.links_out:
        link = found.links_out[0].relative_to(source)
        return StepFailed(
            FailureCode.BAD_OUTPUT,
            f"'{pattern}' leads through '{_shown(str(link))}', a link to a folder outside the"
            " source tree. Copy the files instead.",
        )
    if any(path.is_dir() for path in found.paths):
        message = f"'{pattern}' is a folder. Write '{pattern.rstrip('/')}/**' for the files in it."
    return StepFailed(FailureCode.ARTIFACT_MISSING, message)


def check_names(paths: Iterable[Path], source: Path) -> None:
    """Raise StepFailed (BAD_OUTPUT) for a file name that a JSON manifest cannot contain."""
    for path in paths:
        name = str(path.relative_to(source) if path.is_relative_to(source) else path.name)
        if name.encode(errors="replace").decode() != name:
            raise StepFailed(
                FailureCode.BAD_OUTPUT,
                f"the name of artifact '{_shown(name)}' is not UTF-8. Rename it.",
            )


def files_that_match(folder: Path, pattern: str) -> list[Path]:
    """The files below `folder` that match; a final `**` matches all files below.

    Links to folders outside of `folder` are not followed: a walk through the host would not end.
    """
    # Before Python 3.13 such a `**` matches only folders.
    whole = f"{pattern}/*" if PurePosixPath(pattern).name == "**" else pattern
    return [path for path in _Found.below(folder, whole).paths if path.is_file()]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a pattern matches, and the links out of the folder that were not followed."""

    paths: list[Path]
    links_out: list[Path]

    @classmethod
    def below(cls, folder: Path, pattern: str) -> _Found:
        """The matches, one part of the pattern after the other; `**` itself follows no link."""
        root = folder.resolve()
        paths, links_out = [folder], []
        for part in PurePosixPath(pattern).parts:
            links = [p for p in paths if p.is_symlink() and not p.resolve().is_relative_to(root)]
            links_out += [link for link in links if link != folder and link.is_dir()]
            left = dict.fromkeys(path for path in paths if path not in links_out)
            paths = list(dict.fromkeys(hit for path in left for hit in path.glob(part)))
        return cls(paths, links_out)


def _submodules(
    source: Path, patterns: Sequence[str], env: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Path and state of each submodule in which a pattern can match something."""
    if not (source / ".gitmodules").is_file():
        return
    for entry in _git(source, env, "-z", "--stage").split("\0")[:-1]:
        meta, _, path = entry.partition("\t")
        mode, object_id = meta.split()[:2]
        if mode == _SUBMODULE and any(_reaches(pattern, path) for pattern in patterns):
            yield path, _state(source / path, env) or object_id


def checked_out_submodules(source: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The trees of all submodules, also of nested ones. Raises StepFailed (CHECKOUT_FAILED)."""
    for path, _ in _submodules(source, ("**",), env):
        if (source / path / ".git").exists():
            yield source / path
            yield from checked_out_submodules(source / path, env)


def _reaches(pattern: str, module: str) -> bool:
    plain = pattern.removeprefix("**/")
    return any(fnmatchcase(module, p) or can_name_below(p, module) for p in (pattern, plain))


def _state(module: Path, env: Mapping[str, str]) -> str:
    """The submodule's commit and its uncommitted changes; "" if it is not checked out."""
    if not (module / ".git").exists():
        return ""
    head = git_output(module, env, "rev-parse", "HEAD", problem=f"git cannot read {module}").strip()
    listed = _git(module, env, "-z", "--modified", "--others").split("\0")[:-1]
    inner = dict(_submodules(module, ("**",), env))
    own = {path: _in_tree(module / path) for path in listed if path not in inner}
    if not own and not inner:
        return head
    return hashlib.sha256(repr((head, sorted(own.items()), sorted(inner.items()))).encode(
        errors="surrogateescape")).hexdigest()  # fmt: skip


def _listed(
    source: Path,
    patterns: Sequence[str],
    env: Mapping[str, str],
    modules: Collection[str],
) -> Iterator[tuple[str, str, str]]:
    """Tag, mode, id ("" if unknown to git) and path; a changed file occurs twice.

    Skips `modules`, which git does not enter.
    """
    if not source.is_dir():
        raise StepFailed(FailureCode.CHECKOUT_FAILED, "no source tree is checked out yet")
    specs = [f":(glob){pattern}" for pattern in patterns]
    outside = [f":(glob){p}" for p in patterns if not any(_reaches(p, m) for m in modules)]
    if outside:
        # A separate call: with this option git lists a changed file only once.
        _git(source, env, "--cached", "--others", "--error-unmatch", "--", *outside)
    options = ("-t", "-z", "--stage", "--modified", "--others")
    for entry in _git(source, env, *options, "--", *specs).split("\0")[:-1]:
        tag, rest = entry[0], entry[2:]
        if tag == _UNKNOWN:
            yield tag, "", rest
        else:
            meta, _, path = rest.partition("\t")
            if path not in modules:
                yield tag, _told(*meta.split()[:2]), path


def _git(source: Path, env: Mapping[str, str], *arguments: str) -> str:
    got = git_in_tree(source, env, "ls-files", *arguments)
    if unmatched := _UNMATCHED.search(got.errors) if got.code else None:
        raise StepFailed(
            FailureCode.ARTIFACT_MISSING,
            f"no file in the source tree matches the input '{unmatched[1]}' of the step. "
            "Fix `inputs`.",
        )
    if got.code:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git cannot list the files of {source}",
            excerpt=got.text[-2000:],
        )
    return got.output


def _in_tree(path: Path) -> str:
    """The mode and id that git would record for the file."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "gone"
    if stat.S_ISLNK(status.st_mode):
        return _told("120000", _object_id(os.fsencode(path.readlink())))
    if stat.S_ISREG(status.st_mode):
        mode = "100755" if status.st_mode & stat.S_IXUSR else _PLAIN
        return _told(mode, _object_id(path.read_bytes()))
    return "no file"


def _told(mode: str, object_id: str) -> str:
    return object_id if mode == _PLAIN else f"{mode} {object_id}"


def _object_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's


def _shown(path: str) -> str:
    return os.fsencode(path.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
