"""The entry of a step to a `Step`, with all of its errors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from common.yaml.findings import Finding, InvalidFile, did_you_mean
from common.yaml.validate import validate
from pipelines.domain.errors import FailureCode, UnusableKind
from pipelines.domain.expressions import SUCCESS, When
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Options, Retries, Step, StepKind, Unresolved
from pipelines.language.entries import DefaultsEntry, PipelineEntry, RetriesEntry, StepEntry
from pipelines.language.expressions.check import check_condition, with_matrix
from pipelines.language.expressions.parser import parse_when
from pipelines.language.expressions.references import MARK, Scope, references_in, texts_in
from pipelines.language.expressions.scripts import with_variables
from pipelines.language.expressions.substitution import check_options
from pipelines.language.located import Assembled, Path
from pipelines.language.names import VARIABLE_RULE, is_variable
from pipelines.language.reading.dependency_order import upstream

RUN = "run"

Kinds = Mapping[str, StepKind[Any]]
_NO_DEFAULTS = DefaultsEntry()
_PLAIN_FIELDS = ("dir", "inputs", "outputs", "artifacts", "resources")


class StepReader:
    """Reads the steps of one pipeline; `needs` has the steps that each one waits for."""

    def __init__(
        self,
        assembled: Assembled,
        entry: PipelineEntry,
        kinds: Kinds,
        needs: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.findings: list[Finding] = []
        self._assembled = assembled
        self._entry = entry
        self._kinds = kinds
        self._needs = needs
        self._defaults = entry.defaults or _NO_DEFAULTS
        self._common_env = {**entry.env, **self._defaults.env}
        self._values = {step_name(step): self._values_of(step) for step in entry.steps}

    def step(self, index: int, entry: StepEntry, matrix: Mapping[str, str]) -> Step | None:
        """The step; None when its kind or its options are unknown."""
        path: Path = ("steps", index)
        name = step_name(entry)
        kind = self._kind(path, entry)
        self._check_env(path, entry.env)
        if kind is None:
            return None
        env = {**self._common_env, **entry.env}
        options: Options | None
        if entry.run is None:
            options = self._options(path, name, entry, kind)
        else:
            options, variables = self._script(path, name, entry, kind, matrix)
            env.update(variables)
        self._check_texts(path, name, entry)
        if options is None:
            return None
        defaults = self._defaults
        return Step(
            name=name,
            kind=kind,
            options=options,
            needs=self._needs[name],
            env=env,
            dir=None if entry.run is None else entry.dir or defaults.dir,
            inputs=entry.inputs,
            outputs=entry.outputs,
            artifacts=entry.artifacts,
            values=entry.values,
            when=self._when(path, name, entry.when, matrix),
            timeout=entry.timeout or defaults.timeout,
            silent_timeout=entry.silent_timeout or defaults.silent_timeout,
            retries=_retries(entry.retries or defaults.retries),
            allow_failure=entry.allow_failure,
            matrix=matrix,
            resources=entry.resources,
            network=Network(entry.network),
            ssh_agent=entry.ssh_agent,
            memory=entry.memory,
            cpus=entry.cpus,
            place=self._assembled.place_of(path),
        )

    def _kind(self, path: Path, entry: StepEntry) -> StepKind[Any] | None:
        if entry.run is not None:
            return self._run_kind(path, entry)
        if entry.uses is None:
            self._complain(path, "expected 'uses:' (a step kind) or 'run:' (a script)")
            return None
        if entry.shell is not None:
            self._complain((*path, "shell"), "'shell:' is only for steps with 'run:'", key=True)
        if entry.dir is not None:
            text = "'dir:' is only for steps with 'run:': a step kind has its own folder"
            self._complain((*path, "dir"), text, key=True)
        if entry.values:
            text = "'values:' is only for steps with 'run:': a step kind has its own values"
            self._complain((*path, "values"), text, key=True)
        if entry.uses not in self._kinds or entry.uses == RUN:
            hint = did_you_mean(entry.uses, [name for name in self._kinds if name != RUN])
            if entry.uses in (RUN, "shell"):
                hint = "; write the script under 'run:' instead"
            self._complain((*path, "uses"), f"unknown step kind '{entry.uses}'{hint}")
            return None
        try:
            return self._kinds[entry.uses]
        except UnusableKind as error:
            self._complain((*path, "uses"), str(error))
            return None

    def _run_kind(self, path: Path, entry: StepEntry) -> StepKind[Any]:
        if entry.uses is not None:
            self._complain((*path, "uses"), "expected 'uses:' or 'run:', found both", key=True)
        if entry.with_:
            text = "'with:' is only for steps with 'uses:': a script takes values from 'env:'"
            self._complain((*path, "with"), text, key=True)
        for position, value in enumerate(entry.values):
            if not is_variable(value):
                text = f"invalid value name '{value}': {VARIABLE_RULE}"
                self._complain((*path, "values", position), text)
        return self._kinds[RUN]

    def _options(
        self, path: Path, name: str, entry: StepEntry, kind: StepKind[Any]
    ) -> Options | None:
        at = (*path, "with")
        references = list(texts_in(entry.with_))
        try:
            if not references:
                return validate(kind.options, self._assembled, at)
            scope = self._scope(name)
            for below, text in references:
                self._check_text((*at, *below), text, scope)
            check_options(kind.options, self._assembled, at)
        except InvalidFile as error:
            self.findings += error.findings
            return None
        return Unresolved(values=entry.with_)

    def _script(
        self,
        path: Path,
        name: str,
        entry: StepEntry,
        kind: StepKind[Any],
        matrix: Mapping[str, str],
    ) -> tuple[Options | None, dict[str, str]]:
        """The options of kind `run`, and the variables that the script refers to."""
        shell = entry.shell or self._defaults.shell or "bash"
        script = entry.run or ""
        if MARK not in script:
            return kind.options.model_validate({"script": script, "shell": shell}), {}
        try:
            scope = self._scope(name, secret=True, matrix=matrix)
            script, variables = with_variables(script, shell, scope.check)
        except ValueError as error:
            self._complain((*path, "run"), f"run: {error}")
            return None, {}
        env = {
            variable: matrix[reference.parts[1]]
            if reference.parts[0] == "matrix"
            else f"${{{{ {reference} }}}}"
            for variable, reference in variables.items()
        }
        return kind.options.model_validate({"script": script, "shell": shell}), env

    def _when(self, path: Path, name: str, text: str, matrix: Mapping[str, str]) -> When:
        if text == SUCCESS.text:
            return SUCCESS
        at = (*path, "when")
        try:
            when = parse_when(text)
            when = replace(when, expression=with_matrix(when.expression, matrix))
            check_condition(when.expression, self._scope(name), self._entry.params)
        except ValueError as error:
            self._complain(at, f"when: {error}")
            return SUCCESS
        return when

    def _check_env(self, path: Path, env: Mapping[str, str]) -> None:
        for name in env:
            if not is_variable(name):
                text = f"invalid variable name '{name}': {VARIABLE_RULE}"
                self._complain((*path, "env", name), text, key=True)

    def _check_texts(self, path: Path, name: str, entry: StepEntry) -> None:
        """Check references everywhere except in the options and the script."""
        for below, text in texts_in(entry.env):
            self._check_text((*path, "env", *below), text, self._scope(name, secret=True))
        for field in _PLAIN_FIELDS:
            for below, text in texts_in(getattr(entry, field)):
                self._check_text((*path, field, *below), text, self._scope(name))

    def _check_text(self, path: Path, text: str, scope: Scope) -> None:
        self._try(path, lambda: scope.check_all(references_in(text)))

    def _scope(
        self, name: str, *, secret: bool = False, matrix: Mapping[str, str] | None = None
    ) -> Scope:
        return Scope(
            params=self._entry.params.keys(),
            secrets=self._entry.secrets if secret else (),
            matrix=tuple(matrix or ()),
            outputs=lambda: self._outputs_before(name),
        )

    def _outputs_before(self, name: str) -> dict[str, tuple[str, ...]]:
        before = upstream(self._needs, name)
        return {step: values for step, values in self._values.items() if step in before}

    def _values_of(self, entry: StepEntry) -> tuple[str, ...]:
        """Names of the values that the step passes to later ones."""
        if entry.run is not None:
            return entry.values
        try:
            return tuple(self._kinds[entry.uses or ""].values)
        except (KeyError, UnusableKind):
            return ()  # reported where the step itself is read

    def _try(self, path: Path, check: Callable[[], object]) -> None:
        try:
            check()
        except ValueError as error:
            self._complain(path, f"{path[-1]}: {error}")

    def _complain(self, path: Path, message: str, *, key: bool = False) -> None:
        self.findings.append(self._assembled.finding(path, message, key=key))


def step_name(entry: StepEntry) -> str:
    """The step's own name, or its kind."""
    return entry.name or entry.uses or RUN


def _retries(entry: RetriesEntry | None) -> Retries:
    if entry is None:
        return Retries()
    codes = tuple(FailureCode(code) for code in entry.on)
    return Retries(count=entry.count, backoff=entry.backoff, on=codes)
