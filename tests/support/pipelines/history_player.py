"""Plays a random history on one builder, and after each success asks a builder that is new."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.domain.errors import PipelineError
from pipelines.domain.pipeline import Pipeline, Source, Step
from pipelines.execution.runner import StepRunner
from pipelines.execution.success_records import SuccessRecords
from pipelines.processes.cancellation import Cancellation
from pipelines.processes.tree import builder_marker, sweep
from pipelines.steps.checkout import GIT_CHECKOUT, CheckoutOptions
from pipelines.steps.debian.step import BuildDeb
from pipelines.steps.maven.options import MavenOptions
from pipelines.steps.maven.step import MAVEN
from pipelines.steps.run import RUN, RunOptions
from pipelines.workspace.layout import Workspace
from tests.conftest import AUTHOR, git
from tests.support.pipelines.histories import IGNORED, TRACKED, Event, Plan, edited
from tests.support.pipelines.maven_builder import link_downloads, link_listener
from tests.support.pipelines.random_reactor import reactor_files
from tests.support.pipelines.recorded_steps import Attempt
from tests.support.pipelines.tiny_package import CHANGELOG, CONTROL, NO_CHECKS, RULES

_GATE = """\
if test -e {gates}/fail-{name}; then exit 1; fi
while test -e {gates}/hold-{name}; do touch {gates}/held; sleep 0.02; done
"""
_FORK = multiprocessing.get_context("fork")
_PATIENCE = 60.0
_PACKAGE = "build-deb"


class Player:
    """One source, one builder with a past, and a new builder for each comparison."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._source = folder / "source"
        self._gates = folder / "gates"
        self._gates.mkdir(parents=True)
        self._attempts = 0
        self._jobs: list[tuple[str, str, Plan]] = []
        self._make_source()
        self._queue()

    def play(self, event: Event) -> str:
        """Let it happen; what differs from a new builder then, "" when nothing does."""
        if event.what in ("build", "fail", "kill", "rerun"):
            return getattr(self, f"_{event.what}")(event)  # type: ignore[no-any-return]
        getattr(self, f"_{event.what}")(event)
        return ""

    # what happens to the source and the queue

    def _make_source(self) -> None:
        git("init", "--quiet", "--initial-branch=main", str(self._source))
        files = {**dict.fromkeys(TRACKED, "1\n"), ".gitignore": IGNORED}
        plan = self._plan
        if plan.modules:
            gate = self._gate(plan.names[-1])
            files |= reactor_files(plan.modules, gate, "../replace.properties" * plan.packages)
        if plan.packages:
            files |= _package_files(plan)
        for name, text in files.items():
            path = self._source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if self._plan.packages:
            (self._source / "debian/rules").chmod(0o755)
        if self._plan.submodule:
            self._add_submodule()
        self._commit_all()

    def _add_submodule(self) -> None:
        library = self._folder / "library"
        git("init", "--quiet", "--initial-branch=main", str(library))
        (library / "l.txt").write_text("lib\n")
        git("-C", str(library), "add", "--all")
        git(*AUTHOR, "-C", str(library), "commit", "--quiet", "--message", "x")
        allow = ("-c", "protocol.file.allow=always")
        git(*allow, "-C", str(self._source), "submodule", "--quiet", "add", str(library), "lib")

    def _commit_all(self) -> None:
        git("-C", str(self._source), "add", "--all")
        git(*AUTHOR, "-C", str(self._source), "commit", "--quiet", "--allow-empty", "-m", "x")

    def _head(self) -> str:
        return git("-C", str(self._source), "rev-parse", "HEAD")

    def _queue(self) -> None:
        self._jobs.append((f"job-{len(self._jobs)}", self._head(), self._plan))

    def _job(self, event: Event) -> None:
        self._queue()

    def _commit(self, event: Event) -> None:
        for name in TRACKED[: 1 + event.step % 2]:
            (self._source / name).write_text(f"{event.word}{len(self._jobs)}\n")
        if self._plan.modules:
            module = self._plan.modules[event.step % len(self._plan.modules)]
            text = f"{event.word}{len(self._jobs)} ${{text}}\n"
            (self._source / module.resource).write_text(text)
        self._commit_all()
        self._queue()

    def _back(self, event: Event) -> None:
        """The branch is forced back, and another commit takes the place of its tip."""
        count = git("-C", str(self._source), "rev-list", "--count", "HEAD")
        git(
            "-C",
            str(self._source),
            "reset",
            "--quiet",
            "--hard",
            "HEAD" if count == "1" else "HEAD~1",
        )
        self._commit(event)

    def _tag(self, event: Event) -> None:
        commit = self._jobs[-1][1]
        name = f"v{event.word}"
        git(*AUTHOR, "-C", str(self._source), "tag", "--force", "-m", "x", name, commit)

    def _untag(self, event: Event) -> None:
        for name in git("-C", str(self._source), "tag").split()[: 1 + event.step]:
            git("-C", str(self._source), "tag", "--delete", name)

    def _edit(self, event: Event) -> None:
        """The pipeline changes, and the last job is built by it from now on."""
        self._plan = edited(self._plan, event.step, event.word)
        job, commit, _ = self._jobs[-1]
        self._jobs[-1] = (job, commit, self._plan)

    # what happens on the builder

    def _build(self, event: Event) -> str:
        if not self._run(self._folder / "state", *self._jobs[-1]):
            return "the build failed"
        return self._compare(*self._jobs[-1])

    def _fail(self, event: Event) -> str:
        gate = self._gates / f"fail-{self._name(event)}"
        gate.touch()
        succeeded = self._run(self._folder / "state", *self._jobs[-1])
        gate.unlink()
        return self._compare(*self._jobs[-1]) if succeeded else ""

    def _kill(self, event: Event) -> str:
        gate = self._gates / f"hold-{self._name(event)}"
        gate.touch()
        held = self._gates / "held"
        state = self._folder / "state"
        child = _FORK.Process(target=self._run_alone, args=(state, *self._jobs[-1]))
        child.start()
        end = time.monotonic() + _PATIENCE
        while child.is_alive() and not held.exists() and time.monotonic() < end:
            time.sleep(0.01)
        if child.is_alive() and child.pid:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        sweep(builder_marker(state), grace=0)
        gate.unlink()
        held.unlink(missing_ok=True)
        return ""

    def _run_alone(self, *arguments: Any) -> None:
        self._run(*arguments)
        os._exit(0)

    def _rerun(self, event: Event) -> str:
        job, _, plan = self._jobs[-1]
        names = plan.names
        successes = SuccessRecords(Workspace(self._folder / "state", job).successes)
        for name in names[event.step % len(names) :]:
            successes.forget(name)
        return self._build(event)

    def _name(self, event: Event) -> str:
        return self._plan.names[event.step % len(self._plan.names)]

    def _gate(self, name: str) -> str:
        """The script that lets a step fail or wait."""
        return _GATE.format(gates=self._gates, name=name)

    def _run(self, state: Path, job: str, commit: str, plan: Plan) -> bool:
        self._attempts += 1
        if plan.modules:
            link_downloads(state)
        else:
            link_listener(state)
        settings = {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}
        attempt = _Attempt(state, job, attempt=self._attempts, commit=commit)
        attempt.git = {f"GIT_CONFIG_{name}": value for name, value in settings.items()}
        runner = StepRunner(lambda: attempt, Cancellation())
        pipeline = self._pipeline(plan)
        try:
            for step in pipeline.steps:
                if not runner.judge(pipeline, step).up_to_date:
                    runner.run(pipeline, step)
        except PipelineError:
            return False
        return True

    def _pipeline(self, plan: Plan) -> Pipeline:
        steps = [Step(name="git-checkout", kind=GIT_CHECKOUT, options=CheckoutOptions(), needs=())]
        for script in plan.scripts:
            gate = self._gate(script.name)
            half = len(script.lines) // 2 + 1
            text = "\n".join((*script.lines[:half], gate, *script.lines[half:]))
            options = RunOptions(script=f"set +e\n{text}\ntrue")
            one = Step(name=script.name, kind=RUN, options=options, needs=(steps[-1].name,))
            steps.append(replace(one, inputs=script.inputs, outputs=script.outputs))
        if plan.packages:
            kind = BuildDeb()
            wanted = kind.options.model_validate(NO_CHECKS)
            needs = (steps[-1].name,)
            steps.append(Step(name=_PACKAGE, kind=kind, options=wanted, needs=needs))
        if plan.modules and not plan.packages:
            modules = MavenOptions(incremental="modules", skip_tests=True)
            needs = (steps[-1].name,)
            steps.append(Step(name="maven", kind=MAVEN, options=modules, needs=needs))
        source = Source(repository=str(self._source), submodules=plan.submodule)
        return Pipeline(name="random", description="", source=source, steps=tuple(steps))

    # what came of it

    def _compare(self, job: str, commit: str, plan: Plan) -> str:
        state, past = self._folder / "state", self._folder / "past"
        ours = made_by(Workspace(state, job))
        state.rename(past)  # packages name the folders that they were made in
        succeeded = self._run(state, job, commit, plan)
        theirs = made_by(Workspace(state, job)) if succeeded else {}
        shutil.rmtree(state)
        past.rename(state)
        if not succeeded:
            return "a new builder fails"
        names = sorted(n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n))
        return ", ".join(f"{n}: {ours.get(n)} instead of {theirs.get(n)}" for n in names)


def _package_files(plan: Plan) -> dict[str, str]:
    build = ["cat *.txt > all.list; echo x >> grow.list", *plan.generated]
    installed = ["*.list"]
    if plan.modules:
        build.append("mvn clean package $(ACS_BUILD_OPTS)")
        installed.append("*/target/*.jar")
    return {
        "debian/control": CONTROL.format(more=""),
        "debian/rules": RULES.format(build="\n\t".join(build)),
        "debian/changelog": CHANGELOG,
        "debian/source/format": "3.0 (native)\n",
        "debian/install": "".join(f"{pattern} usr/share/tiny\n" for pattern in installed),
    }


class _Attempt(Attempt):
    git: Mapping[str, str] = {}

    @property
    def env(self) -> Mapping[str, str]:
        # Maven's settings are in the home of the user
        return {**super().env, **self.git, "HOME": os.environ["HOME"]}


def made_by(workspace: Workspace) -> dict[str, str]:
    """Kind, mode and content of all files in the source and of all packages.

    Of Maven's `target` folders only the jars: their names and content.
    """
    found: dict[str, str] = {}
    for top in (workspace.source, workspace.packages):
        for path in sorted(top.rglob("*")):
            name = path.relative_to(workspace.root)
            if "target" in name.parts:
                if path.suffix == ".jar":
                    found |= {f"{name}!{entry}": crc for entry, crc in _entries(path)}
            elif ".git" not in name.parts and not name.name.endswith((".buildinfo", ".changes")):
                found[str(name)] = _described(path)
    found["tags"] = git("-C", str(workspace.source), "describe", "--always", "--tags")
    return found


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(path) as jar:
        for entry in jar.infolist():
            yield entry.filename, f"{entry.CRC:08x}"


def _described(path: Path) -> str:
    mode = oct(path.lstat().st_mode)
    if path.is_symlink():
        return f"{mode} {path.readlink()}"
    if not path.is_file():
        return mode
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
