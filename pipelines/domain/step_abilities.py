"""What some step kinds can do besides running: the runner asks whether a kind has the member."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pipelines.domain.pipeline import StepContext, StepResult


@runtime_checkable
class EndsAlone(Protocol):
    """A step kind that can find out whether a run ended after `doit build` was killed."""

    def ended_result(self, options: Any, context: StepContext) -> StepResult | None:
        """The result of that run; None when it failed or did not end."""


@runtime_checkable
class MakesSource(Protocol):
    """A step kind that makes the source tree anew each time it runs."""

    def refresh(self, options: Any, context: StepContext) -> None:
        """Query the source, once for each attempt, before any step is checked.

        Does not raise when the source is unreachable: then the known state is used.
        """


@runtime_checkable
class KeepsFiles(Protocol):
    """A step kind that can continue with the files of its own earlier try in the source tree."""

    def kept_folders(self, options: Any, context: StepContext) -> Collection[Path]:
        """Folders in the source tree whose content it guarantees, or removes itself."""


@runtime_checkable
class ActsOutside(Protocol):
    """A step kind that changes something outside the farm: a job that reproduces skips it."""

    @property
    def acts_on(self) -> str:
        """What it changes, for people."""


@runtime_checkable
class LooksAhead(Protocol):
    """A step kind that can find out early, within seconds, that it cannot work here."""

    def preflight(self, options: Any, context: StepContext) -> str:
        """Check without changing source or machine; returns the result in a few words.

        Raises StepFailed with the code that `run` would fail with.
        """

    def preflight_identity(self, options: Any, context: StepContext) -> Mapping[str, str]:
        """Everything that the result depends on besides the options; starts no slow program."""
