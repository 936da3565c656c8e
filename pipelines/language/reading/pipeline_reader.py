"""The entry of a pipeline to a `Pipeline`, with all of its errors. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from common.job_pattern import JobPattern
from common.settings.notify import Notify
from common.settings.triggers import Push, Schedule, Triggers
from common.yaml.findings import Finding, did_you_mean
from common.yaml.validate import validate_partly
from pipelines.domain.params import Param
from pipelines.domain.pipeline import Pipeline, Source, Step, StepKind
from pipelines.domain.validation import shown
from pipelines.language.entries import PipelineEntry, StepEntry
from pipelines.language.expressions.references import Scope, references_in
from pipelines.language.located import Assembled, Path
from pipelines.language.names import (
    NAME_RULE,
    VARIABLE_RULE,
    WORD_RULE,
    is_name,
    is_variable,
    is_word,
    variable,
)
from pipelines.language.params import read_param
from pipelines.language.reading.dependency_order import find_cycle
from pipelines.language.reading.evidence_step import CHECK, EVIDENCE, with_check
from pipelines.language.reading.step_reader import StepReader, step_name

Kinds = Mapping[str, StepKind[Any]]

_STAND_INS: Mapping[Path, Any] = {("description",): "-", ("source",): {"repository": "-"}}


class PipelineReader:
    """Turns an entry into a Pipeline and collects its errors.

    The steps of `assembled` are expanded already; `matrices` has the matrix values of each;
    `others` are the names of all pipelines.
    """

    def __init__(
        self,
        name: str,
        assembled: Assembled,
        matrices: Sequence[Mapping[str, str]],
        kinds: Kinds,
        others: Collection[str] = (),
    ) -> None:
        self.name = name
        self.assembled = assembled
        self.matrices = matrices
        self.kinds = kinds
        self.others = others
        self.findings: list[Finding] = []

    def pipeline(self) -> Pipeline | None:
        """The pipeline; None when its entry is too broken, see `findings`."""
        entry, self.findings = validate_partly(PipelineEntry, self.assembled, _STAND_INS)
        if not is_name(self.name):
            text = f"invalid pipeline name '{shown(self.name)}': {NAME_RULE}"
            self._complain((), text, key=True)
        if entry is None:
            return None
        params = self._params(entry)
        self._check_names(entry)
        self._check_env(entry)
        takes = entry.for_
        return Pipeline(
            name=self.name,
            description=entry.description,
            source=self._source(entry.source),
            steps=self._with_check(entry, self._steps(entry)),
            env=entry.env,
            takes=None if takes is None else JobPattern(types=takes.types, branches=takes.branches),
            triggers=self._triggers(entry),
            trusted=entry.trusted.branches if entry.trusted else None,
            notify=tuple(Notify(to=each.to, when=each.when) for each in entry.notify),
            labels=entry.labels,
            params=params,
            secrets=entry.secrets,
            timeout=entry.timeout,
            concurrency=entry.concurrency,
            max_attempts=entry.max_attempts,
            place=self.assembled.place,
        )

    def _source(self, source: Source) -> Source:
        if not source.repository.startswith(("./", "../")):
            return source
        file = self.assembled.place_of(("source", "repository")).document.name
        path = FilePath(file).resolve().parent / source.repository
        return source.model_copy(update={"repository": str(path.resolve())})

    def _triggers(self, entry: PipelineEntry) -> Triggers:
        wanted = entry.triggers
        if wanted is None:
            return Triggers()
        for index, name in enumerate(wanted.after):
            if name not in self.others:
                text = f"unknown pipeline '{name}'{did_you_mean(name, self.others)}"
                self._complain(("triggers", "after", index), text)
        push = wanted.push
        if push and not (push.branches or push.tags):
            self._complain(("triggers", "push"), "expected `branches`, `tags` or both")
        for name, param in entry.params.items():
            if param.default is None:
                text = f"'{name}' needs a default: no trigger sets it"
                self._complain(("params", name), text, key=True)
        return Triggers(
            push=Push(**push.model_dump()) if push else None,
            schedules=tuple(Schedule(**each.model_dump()) for each in wanted.schedule),
            after=wanted.after,
        )

    def _params(self, entry: PipelineEntry) -> dict[str, Param]:
        found = {}
        variables: dict[str, str] = {}
        for name, param in entry.params.items():
            path = ("params", name)
            if not is_word(name):
                self._complain(path, f"invalid parameter name '{name}': {WORD_RULE}", True)
            other = variables.setdefault(variable(name), name)
            if other != name:
                text = f"'{name}' and '{other}' would both become PARAM_{variable(name)}"
                self._complain(path, text, key=True)
            found[name], problem = read_param(name, param)
            if problem:
                self._complain((*path, "default"), f"'{name}': {problem}")
        return found

    def _check_names(self, entry: PipelineEntry) -> None:
        if not entry.steps:
            self._complain(("steps",), "expected at least one step")
        for index, secret in enumerate(entry.secrets):
            if not is_variable(secret):
                text = f"invalid secret name '{secret}': {VARIABLE_RULE}"
                self._complain(("secrets", index), text)
        seen: set[str] = set()
        for index, step in enumerate(entry.steps):
            name, path = step_name(step), ("steps", index)
            if not is_name(name):
                self._complain((*path, "name"), f"invalid step name '{shown(name)}': {NAME_RULE}")
            if name in seen:
                self._complain(path, f"duplicate step '{name}': give it another 'name:'")
            seen.add(name)

    def _check_env(self, entry: PipelineEntry) -> None:
        scope = Scope(params=entry.params.keys(), secrets=entry.secrets)
        for name, value in entry.env.items():
            if not is_variable(name):
                text = f"invalid variable name '{name}': {VARIABLE_RULE}"
                self._complain(("env", name), text, key=True)
            try:
                scope.check_all(references_in(value))
            except ValueError as error:
                self._complain(("env", name), f"{name}: {error}")

    def _steps(self, entry: PipelineEntry) -> tuple[Step, ...]:
        names = [step_name(step) for step in entry.steps]
        needs = {
            name: self._needs(index, step, names)
            for index, (name, step) in enumerate(zip(names, entry.steps, strict=True))
        }
        if len(needs) == len(names):
            self._check_cycles(needs, names)
        reader = StepReader(self.assembled, entry, self.kinds, needs)
        found = []
        for index, step in enumerate(entry.steps):
            matrix = self.matrices[index] if index < len(self.matrices) else {}
            found.append(reader.step(index, step, matrix))
        self.findings += reader.findings
        return tuple(step for step in found if step is not None)

    def _with_check(self, entry: PipelineEntry, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        required, kind = entry.requires_evidence, self.kinds.get(CHECK)
        if required is None or kind is None:
            return steps
        place = self.assembled.place_of(("requires_evidence",))
        if not (required or self.findings):
            self._complain(("requires_evidence",), "expected at least one requirement")
        if any(step.name == EVIDENCE for step in steps):
            text = f"requires_evidence adds a step '{EVIDENCE}': give this one another 'name:'"
            index = [step_name(step) for step in entry.steps].index(EVIDENCE)
            self._complain(("steps", index), text)
            return steps
        return with_check(steps, kind, required, place)

    def _needs(self, index: int, step: StepEntry, names: list[str]) -> tuple[str, ...]:
        if step.needs is None:
            return (names[index - 1],) if index else ()
        for position, need in enumerate(step.needs):
            if need not in names:
                hint = did_you_mean(need, names)
                text = f"unknown step '{need}'{hint}"
                self._complain(("steps", index, "needs", position), text)
        return step.needs

    def _check_cycles(self, needs: Mapping[str, tuple[str, ...]], names: list[str]) -> None:
        cycle = find_cycle(needs)
        if cycle:
            text = f"steps wait for each other: {' -> '.join(cycle)}"
            self._complain(("steps", names.index(cycle[0])), text)

    def _complain(self, path: Path, message: str, key: bool = False) -> None:
        self.findings.append(self.assembled.finding(path, message, key=key))
