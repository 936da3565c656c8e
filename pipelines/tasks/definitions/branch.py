"""The copy on this host of the branch that holds the pipelines."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from common.settings.pipelines_source import PipelinesSource
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.validation import check_branch
from pipelines.git.remote import check_repository, git_environment, public_url, unreachable
from pipelines.processes.capture import Captured, capture

_REF = "refs/heads/source"
_SECONDS = 60.0
_ASK_SECONDS = 15.0
"""Every command that reads pipelines may wait for it."""
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_OF_COORDINATION = "refs/heads/heartbeat-*"
_VALID = "G"
_ONLY_SSH = tuple(
    word
    for program in ("gpg.program", "gpg.openpgp.program", "gpg.x509.program")
    for word in ("-c", f"{program}=false")
)
"""A signature by OpenPGP would count by the keys of the user who runs this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The newest commit of the branch."""

    commit: str
    is_coordination: bool
    """Whether the repository has branches that only a coordination repository has."""


class DefinitionBranch:
    """The branch of one source. Methods raise StepFailed when git fails, BadValue for bad names."""

    def __init__(self, source: PipelinesSource, env: Mapping[str, str]) -> None:
        self._source = source
        self._url = check_repository(public_url(source.repository))
        self._ref = f"refs/heads/{check_branch(source.branch)}"
        self._env = git_environment(source.repository, env)
        self._git_dir = source.folder / "branch.git"

    def tip(self) -> Tip:
        """Its newest commit, as the repository says now."""
        words = ["ls-remote", "--", self._url, self._ref, _OF_COORDINATION]
        done = self._remote(words, _ASK_SECONDS)
        refs = {
            ref: commit
            for commit, _, ref in (line.partition("\t") for line in done.output.splitlines())
            if _COMMIT.fullmatch(commit)
        }
        commit = refs.pop(self._ref, "")
        if not commit:
            raise _failed(f"{self._url} has no branch {self._source.branch}")
        return Tip(commit=commit, is_coordination=self._source.is_coordination or bool(refs))

    def fetch(self) -> None:
        """Copy the branch."""
        if not (self._git_dir / "HEAD").exists():
            self._git_dir.parent.mkdir(parents=True, exist_ok=True)
            plain = ["init", "--quiet", "--bare", "--template=", "--end-of-options"]
            self._local([*plain, str(self._git_dir)])
        flags = ["--quiet", "--force", "--no-tags", "--no-recurse-submodules"]
        words = ["fetch", *flags, "--end-of-options", self._url, f"+{self._ref}:{_REF}"]
        self._remote(words, _SECONDS)

    def newest(self, most: int) -> Sequence[str]:
        """The last commits of the copy, newest first, without those of merged branches."""
        words = ["rev-list", "--first-parent", f"--max-count={most}", _REF]
        return self._local(words).output.split()

    def contains(self, commit: str) -> bool:
        """Whether the branch was only extended since that commit."""
        words = ["merge-base", "--is-ancestor", "--end-of-options", commit, _REF]
        return self._run(words).code == 0

    def is_signed(self, commit: str, signers: Path) -> bool:
        """Whether one of these keys signed the commit, by ssh."""
        settings = (*_ONLY_SSH, "-c", f"gpg.ssh.allowedSignersFile={signers}")
        settings += ("-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.minTrustLevel=undefined")
        words = ["log", "--no-show-signature", "--max-count=1", "--format=%G?", commit, "--"]
        return self._run([*settings, *words]).output.strip() == _VALID

    def export(self, commit: str) -> Path:
        """The pipelines file of a commit, in a folder with the YAML files around and below it."""
        target = self._source.folder / commit
        if not target.exists():
            folder = PurePosixPath(self._source.path).parent
            below = "" if folder == PurePosixPath() else f"{folder}/"
            temporary = target.with_name(f".{commit}.{uuid.uuid4().hex}")
            archive = temporary.with_suffix(".tar")
            try:
                chosen = f":(top,glob){_escaped(below)}**/*.y*ml"
                words = ["archive", "--format=tar", f"--output={archive}", commit, "--", chosen]
                if self._run(words).code:
                    raise _failed(f"commit {commit[:12]} has no file {self._source.path}")
                with tarfile.open(archive) as files:
                    # git wrote it: no name leaves the folder, and no file is below a link
                    files.extractall(temporary)  # noqa: S202
                _check_links(temporary)
                temporary.rename(target)
            except (tarfile.TarError, OSError) as error:
                raise _failed(f"cannot copy commit {commit[:12]}: {error}") from error
            finally:
                archive.unlink(missing_ok=True)
                shutil.rmtree(temporary, ignore_errors=True)
        return target / self._source.path

    def prune(self, keep: Sequence[str]) -> None:
        """Remove exported commits but these."""
        for found in self._source.folder.iterdir():
            if _COMMIT.fullmatch(found.name) and found.name not in keep:
                shutil.rmtree(found, ignore_errors=True)

    def _remote(self, words: Sequence[str], timeout: float) -> Captured:
        """Run a command that asks the repository."""
        try:
            done = self._run(words, timeout)
        except StepFailed as error:
            if error.code is FailureCode.TIMEOUT:
                raise _failed(f"{self._url} did not answer within {timeout:g} s") from error
            raise
        if done.code:
            raise unreachable(self._url, done.text.splitlines())
        return done

    def _local(self, words: Sequence[str]) -> Captured:
        done = self._run(words)
        if done.code:
            said = done.text.strip().splitlines()
            raise _failed(f"git {words[0]} failed: {said[-1] if said else done.code}")
        return done

    def _run(self, words: Sequence[str], timeout: float = _SECONDS) -> Captured:
        where = f"--git-dir={self._git_dir}"
        command = ["git", where, *words]
        return capture(command, cwd=Path("/"), env=self._env, timeout=timeout)


def _escaped(path: str) -> str:
    return re.sub(r"([*?\[\]\\])", r"\\\1", path)


def _failed(message: str) -> StepFailed:
    return StepFailed(FailureCode.SOURCE_UNREACHABLE, message, retryable=True)


def _check_links(folder: Path) -> None:
    """Raise OSError for a link out of the folder; tarfile of Python 3.11.2 has no filter for it."""
    real = os.path.realpath(folder)  # unlike Path.resolve, it ends in a loop of links
    for path in folder.rglob("*"):
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real):
            raise OSError(f"{path.relative_to(folder)} is a link out of the repository")
