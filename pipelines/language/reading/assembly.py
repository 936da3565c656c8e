"""Entries of all files to the reader's input: `extends` and `matrix` applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.yaml.document import Document
from common.yaml.findings import Finding, did_you_mean
from pipelines.language.located import Assembled, Place
from pipelines.language.reading.inheritance import extended, name_of
from pipelines.language.reading.matrix import Combination, combinations, expanded

MAX_EXTENDS = 10
MAX_STEPS = 20_000


class Entries:
    """The pipelines of all files by name, as written."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.findings: list[Finding] = []
        self._entries: dict[str, Assembled] = {}
        self._steps_left = MAX_STEPS
        for document in documents:
            for name, data in document.data["pipelines"].items():
                self._add(name, data, Place(document, ("pipelines", name)))

    @property
    def names(self) -> list[str]:
        """All names, in the files' order."""
        return list(self._entries)

    def _add(self, name: str, data: Any, place: Place) -> None:
        if name in self._entries:
            first = self._entries[name].place
            text = f"duplicate pipeline '{name}'; the first one is at {first}"
            self.findings.append(place.document.finding(place.path, text, key=True))
        else:
            self._entries[name] = Assembled(data, place)

    def count(self, steps: int) -> bool:
        """Count steps that were made; False when there are too many in total."""
        self._steps_left -= steps
        return self._steps_left >= 0

    def complete(self, name: str, findings: list[Finding], way: tuple[str, ...] = ()) -> Assembled:
        """The entry merged over all that it extends; errors go to `findings`."""
        own = self._entries[name]
        base = own.data.get("extends") if isinstance(own.data, dict) else None
        if not isinstance(base, str):
            return own
        problem = self._problem(base, (*way, name))
        if problem:
            findings.append(own.finding(("extends",), problem))
            return own
        below = self.complete(base, findings, (*way, name))
        return extended(below, own) if isinstance(below.data, dict) else own

    def _problem(self, base: str, way: tuple[str, ...]) -> str:
        if base in way:
            ring = [*way[way.index(base) :], base]
            return f"pipelines extend each other: {' -> '.join(ring)}"
        if base not in self._entries:
            return f"unknown pipeline '{base}'{did_you_mean(base, self._entries)}"
        if len(way) > MAX_EXTENDS:
            return f"a chain of 'extends' may have at most {MAX_EXTENDS} pipelines"
        return ""


@dataclass(frozen=True, slots=True)
class Expanded:
    """One pipeline's entry with all its steps."""

    assembled: Assembled
    matrices: Sequence[Mapping[str, str]] = ()
    """The matrix values of each step; empty when no step has a matrix."""
    findings: list[Finding] = field(default_factory=list)


def assemble(name: str, entries: Entries) -> Expanded:
    """The entry of a pipeline, complete and expanded."""
    findings: list[Finding] = []
    whole = entries.complete(name, findings)
    steps = whole.data.get("steps") if isinstance(whole.data, dict) else None
    if not isinstance(steps, list):
        return Expanded(whole, findings=findings)
    if not any(isinstance(step, dict) and "matrix" in step for step in steps):
        count, result = len(steps), Expanded(whole, findings=findings)
    else:
        groups = _Groups(whole, findings)
        count, result = len(groups.matrices), groups.result()
    if not entries.count(count):
        findings.append(whole.finding((), f"more than {MAX_STEPS} steps in the file", key=True))
        return Expanded(Assembled({**whole.data, "steps": steps[:1]}, whole.place), (), findings)
    return result


class _Groups:
    """The steps of one pipeline; a step with a matrix becomes a group of steps."""

    def __init__(self, whole: Assembled, findings: list[Finding]) -> None:
        self._whole = whole
        self._findings = findings
        self.matrices: list[Mapping[str, str]] = []
        self._steps: list[Any] = []
        self._moved = {
            path: place
            for path, place in whole.moved.items()
            if path[0] != "steps" or len(path) == 1
        }
        self._members: dict[str, list[str]] = {}
        steps = whole.part("steps")
        before: list[str] = []
        for index in range(len(steps.data)):
            before = self._group(steps.part(index), before)
        self._steps = [self._with_members(step) for step in self._steps]

    def result(self) -> Expanded:
        data = {**self._whole.data, "steps": self._steps}
        assembled = Assembled(data, self._whole.place, self._moved)
        return Expanded(assembled, self.matrices, self._findings)

    def _group(self, part: Assembled, before: list[str]) -> list[str]:
        """Add the step, or its group, after the steps `before`; returns the names."""
        step = part.data
        made: list[Combination] = []
        if isinstance(step, dict) and "matrix" in step:
            made, problems = combinations(step["matrix"])
            self._findings += [part.finding(("matrix", *at), text) for at, text in problems]
        members = [(expanded(step, one), one.texts) for one in made] or [(step, {})]
        for data, texts in members:
            self._add(part, data, texts, before)
        names = [name for data, _ in members if (name := name_of(data))]
        if made:
            self._members[name_of(step)] = names
        return names

    def _add(self, part: Assembled, data: Any, texts: Mapping[str, str], before: list[str]) -> None:
        at = ("steps", len(self._steps))
        self._moved[at] = part.place
        self._moved.update({(*at, *path): place for path, place in part.moved.items()})
        if isinstance(data, dict) and data.get("needs") is None:
            data = {**data, "needs": before}
        self._steps.append(data)
        self.matrices.append(texts)

    def _with_members(self, step: Any) -> Any:
        """The step, with the members of each group that it needs in place of the group's name."""
        needs = step.get("needs") if isinstance(step, dict) else None
        wanted = [needs] if isinstance(needs, str) else needs
        if not isinstance(wanted, list):
            return step
        all_members = [self._members_of(need) for need in wanted]
        if all_members == [[need] for need in wanted]:
            return step
        return {**step, "needs": [name for members in all_members for name in members]}

    def _members_of(self, need: Any) -> list[Any]:
        # an invalid name is reported later, at its place
        return self._members.get(need, [need]) if isinstance(need, str) else [need]
