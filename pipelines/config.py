"""`pipelines.yaml` to `Pipeline` values: read the file, then parse it without touching anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipelines.errors import BadPipelineFile
from pipelines.model import Options, Pipeline, Source, Step, StepKind
from typed_yaml import (
    Document,
    Duration,
    Finding,
    InvalidFile,
    Several,
    Text,
    did_you_mean,
    read_document,
    validate,
)

Kinds = Mapping[str, StepKind[Any]]

_NAME = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_NAME_RULE = "a name has small letters, digits and single . _ - between them, at most 60 in all"
_MAX_NAME = 60


class StepEntry(Options):
    """A step as the file has it."""

    uses: Text
    name: Text | None = None
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    needs: Several[Text] | None = None
    env: dict[str, Text] = Field(default_factory=dict)
    timeout: Duration | None = None
    when: Literal["success", "always"] = "success"

    @property
    def step_name(self) -> str:
        """The given name, else the kind's."""
        return self.name or self.uses


class PipelineEntry(Options):
    """A pipeline as the file has it."""

    description: Text
    source: Source
    env: dict[str, Text] = Field(default_factory=dict)
    steps: Several[StepEntry]


class PipelinesFile(Options):
    """The whole file."""

    pipelines: dict[str, PipelineEntry]


def read_pipelines(path: Path, kinds: Kinds) -> dict[str, Pipeline]:
    """Read and check the file. Raises BadPipelineFile with all findings."""
    try:
        return parse_pipelines(read_document(path), kinds)
    except InvalidFile as error:
        raise BadPipelineFile(str(error)) from error


def parse_pipelines(document: Document, kinds: Kinds) -> dict[str, Pipeline]:
    """Check a document and make its pipelines. Raises InvalidFile with all findings."""
    entries = validate(PipelinesFile, document).pipelines
    findings: list[Finding] = []
    pipelines = {}
    for name, entry in entries.items():
        reader = _PipelineReader(document, name, entry, kinds)
        pipelines[name] = reader.pipeline()
        findings += reader.findings
    if findings:
        raise InvalidFile(findings)
    return pipelines


class _PipelineReader:
    """Turns one entry into a Pipeline and gathers what is wrong with it."""

    def __init__(self, document: Document, name: str, entry: PipelineEntry, kinds: Kinds) -> None:
        self.document = document
        self.name = name
        self.entry = entry
        self.kinds = kinds
        self.findings: list[Finding] = []

    def pipeline(self) -> Pipeline:
        self._check_names()
        steps = [self._step(index, entry) for index, entry in enumerate(self.entry.steps)]
        known = [step for step in steps if step is not None]
        self._check_cycles(known)
        return Pipeline(
            name=self.name,
            description=self.entry.description,
            source=self._source(),
            steps=tuple(known),
            env=self.entry.env,
        )

    def _source(self) -> Source:
        source = self.entry.source
        if not source.repository.startswith(("./", "../")):
            return source
        folder = Path(self.document.name).resolve().parent
        return source.model_copy(update={"repository": str((folder / source.repository).resolve())})

    def _check_names(self) -> None:
        at = ("pipelines", self.name)
        if not _is_name(self.name):
            self._complain(at, f"the pipeline's name '{self.name}' is no good: {_NAME_RULE}", True)
        if not self.entry.steps:
            self._complain((*at, "steps"), "a pipeline needs at least one step")
        seen: set[str] = set()
        for index, entry in enumerate(self.entry.steps):
            name, place = entry.step_name, (*at, "steps", index)
            if not _is_name(name):
                self._complain(
                    (*place, "name"), f"the step's name '{name}' is no good: {_NAME_RULE}"
                )
            if name in seen:
                self._complain(place, f"a second step is called '{name}': give it another 'name:'")
            seen.add(name)

    def _step(self, index: int, entry: StepEntry) -> Step | None:
        place = ("pipelines", self.name, "steps", index)
        kind = self.kinds.get(entry.uses)
        if kind is None:
            hint = did_you_mean(entry.uses, self.kinds)
            self._complain((*place, "uses"), f"there is no kind of step '{entry.uses}'{hint}")
            return None
        try:
            options = validate(kind.options, self.document, (*place, "with"))
        except InvalidFile as error:
            self.findings += error.findings
            return None
        return Step(
            name=entry.step_name,
            kind=kind,
            options=options,
            needs=self._needs(index, entry),
            env={**self.entry.env, **entry.env},
            timeout=entry.timeout,
            always=entry.when == "always",
        )

    def _needs(self, index: int, entry: StepEntry) -> tuple[str, ...]:
        steps = self.entry.steps
        if entry.needs is None:
            return (steps[index - 1].step_name,) if index else ()
        names = [other.step_name for other in steps]
        for position, need in enumerate(entry.needs):
            if need not in names:
                place = ("pipelines", self.name, "steps", index, "needs", position)
                hint = did_you_mean(need, names)
                self._complain(place, f"there is no step '{need}' in this pipeline{hint}")
        return entry.needs

    def _check_cycles(self, steps: list[Step]) -> None:
        needs = {step.name: step.needs for step in steps}
        cycle = next((found for name in needs if (found := find_cycle(needs, name))), None)
        if cycle:
            index = next(i for i, e in enumerate(self.entry.steps) if e.step_name == cycle[0])
            place = ("pipelines", self.name, "steps", index)
            self._complain(place, f"the steps wait for each other: {' -> '.join(cycle)}")

    def _complain(self, place: tuple[str | int, ...], message: str, key: bool = False) -> None:
        self.findings.append(self.document.finding(place, message, key=key))


def find_cycle(needs: Mapping[str, tuple[str, ...]], start: str) -> list[str]:
    """The names on a way from `start` back to itself, `start` first and last; empty if none."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for need in needs.get(name, ()):
            if need == start:
                return [start, *reversed(list(_way(came_from, name, start))), start]
            if need not in came_from:
                came_from[need] = name
                waiting.append(need)
    return []


def _way(came_from: Mapping[str, str], name: str, start: str) -> Iterator[str]:
    while name != start:
        yield name
        name = came_from[name]


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None
