"""Which commit of the branch of pipelines counts: the newest one that is signed and valid.

It follows from the branch alone, so that all builders use the same one; only what has once been
used here is remembered, because a branch with required signatures must not go back behind it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from common.atomic_files import write_durably
from common.errors import one_line, os_error_text
from common.file_lock import file_lock
from common.settings.pipelines_source import PipelinesSource
from pipelines.domain.errors import BadPipelineFile, PipelineError
from pipelines.tasks.definitions.branch import DefinitionBranch, Tip

_FRESH, _FRESH_OUTAGE = 5.0, 30.0
"""Seconds during which one look at the branch counts for all processes of the host."""
_JUDGE_AGAIN = 300.0
"""Seconds after which a refused commit is read again: a missing step kind may be there by now."""
_MOST_COMMITS = 20
_KEPT = 5
"""Exported commits that stay on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The commit in use; times in seconds since the epoch."""

    commit: str = ""
    """"": none was ever usable."""
    tip: str = ""
    """The newest commit at the last look that found one."""
    problem: str = ""
    """Why the newest commit is not used, or unknown; "": it is used."""
    looked_at: float = 0.0
    judged_at: float = 0.0
    signers: str = ""
    """SHA-256 of the file of keys by which it was judged; "": signatures did not matter."""
    kept: tuple[str, ...] = ()
    """The commits used last, newest first."""

    @property
    def is_away(self) -> bool:
        """Whether the branch could not be read."""
        return self.problem.startswith(_AWAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """The pipelines of one source. `check` raises BadPipelineFile unless a file can be used."""

    source: PipelinesSource
    check: Callable[[Path], object]

    def file(self) -> tuple[Path, Chosen]:
        """The pipelines file in use, and its commit; the branch is asked if it was not lately.

        Raises BadPipelineFile when no commit can be used.
        """
        try:
            branch = DefinitionBranch(self.source, os.environ)
            with file_lock(self.source.folder / "lock"):
                chosen = self._chosen(branch)
                if chosen.commit:
                    return branch.export(chosen.commit), chosen
        except OSError as error:
            raise BadPipelineFile(f"{self.source}: {os_error_text(error)}") from error
        except PipelineError as error:
            raise BadPipelineFile(f"{self.source}: {one_line(error)}") from error
        raise BadPipelineFile(f"{self.source}: {chosen.problem}")

    def _chosen(self, branch: DefinitionBranch) -> Chosen:
        chosen, signers = self._read(), self._signers()
        if chosen.commit and chosen.signers == signers and _is_fresh(chosen):
            return chosen
        chosen = replace(self._look(branch, chosen, signers), signers=signers)
        self._write(chosen)
        return chosen

    def _look(self, branch: DefinitionBranch, before: Chosen, signers: str) -> Chosen:
        now = time.time()
        try:
            tip = branch.tip()
            is_old = before.problem and now - before.judged_at >= _JUDGE_AGAIN
            is_same = before.tip == tip.commit and before.signers == signers
            if before.commit and is_same and not is_old:
                problem = "" if before.is_away else before.problem
                return replace(before, looked_at=now, problem=problem)
            branch.fetch()
            after = self._choose(branch, before, tip)
            return replace(after, tip=tip.commit, looked_at=now, judged_at=now)
        except PipelineError as error:
            return replace(before, looked_at=now, problem=f"{_AWAY}{one_line(error)}")

    def _choose(self, branch: DefinitionBranch, before: Chosen, tip: Tip) -> Chosen:
        signers = self.source.allowed_signers
        if tip.is_coordination and signers is None:
            return replace(before, commit="", problem=_UNSIGNED)
        if signers and before.commit and not branch.is_signed(before.commit, signers):
            before = Chosen()  # its key does not count any more
        if signers and before.commit and not branch.contains(before.commit):
            problem = f"commit {tip.commit[:12]} does not continue commit {before.commit[:12]},"
            return replace(before, problem=f"{problem} which was in use: the branch was set back")
        problem = ""
        for commit in branch.newest(_MOST_COMMITS):
            why = self._why_not(branch, commit, signers)
            if not why:
                kept = (commit, *(name for name in before.kept if name != commit))[:_KEPT]
                branch.prune(kept)
                return Chosen(commit=commit, problem=problem, kept=kept)
            problem = problem or f"commit {commit[:12]} is not used: {why}"
            if commit == before.commit:
                break
        return replace(before, problem=problem)

    def _why_not(self, branch: DefinitionBranch, commit: str, signers: Path | None) -> str:
        if signers and not branch.is_signed(commit, signers):
            return f"none of the keys in {signers} signed it"
        try:
            self.check(branch.export(commit))
        except BadPipelineFile as error:
            folder = f"{self.source.folder / commit}/"
            return one_line(error).replace(folder, "")
        except PipelineError as error:
            return one_line(error)
        return ""

    def _signers(self) -> str:
        """The digest of the file of keys; "" when there is none. Raises OSError."""
        path = self.source.allowed_signers
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""

    def _read(self) -> Chosen:
        try:
            found = json.loads(self._state.read_bytes())
            return Chosen(**{**found, "kept": tuple(found["kept"])})
        except FileNotFoundError:
            return Chosen()
        except (ValueError, TypeError, KeyError):  # a format of another version
            return Chosen()

    def _write(self, chosen: Chosen) -> None:
        write_durably(self._state, json.dumps(asdict(chosen)).encode())

    @property
    def _state(self) -> Path:
        return self.source.folder / "chosen.json"


def _is_fresh(chosen: Chosen) -> bool:
    limit = _FRESH_OUTAGE if chosen.is_away else _FRESH
    return 0 <= time.time() - chosen.looked_at < limit


def check_source_state(chosen: Chosen) -> tuple[str, str, str | None]:
    """For `doit doctor`: name, result, remedy (None: nothing to do)."""
    used = f"commit {chosen.commit[:12]}"
    if not chosen.problem:
        return "pipelines source", f"{used}, the newest", None
    remedy = "correct the branch of pipelines_source, or this builder's access to it"
    return "pipelines source", f"{used} stays in use: {chosen.problem}", remedy


_AWAY = "the branch cannot be read: "
_UNSIGNED = (
    "it is in the coordination repository, where whoever may push could run commands on each"
    " builder. Name the keys that may sign its commits in `allowed_signers` of pipelines_source."
)
