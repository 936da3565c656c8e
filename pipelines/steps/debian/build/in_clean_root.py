"""Builds packages in a root made for this one build: `isolation: chroot`."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from debian.deb822 import BuildInfo

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.network import Network
from pipelines.domain.pipeline import Command, StepContext
from pipelines.failures.excerpt import excerpt
from pipelines.steps.debian.build.output import BuildOutput
from pipelines.steps.debian.build.source_copy import copy_source
from pipelines.steps.debian.build.work import Made, Work, build_command
from pipelines.steps.debian.clean_root import (
    CleanRoot,
    apt_line,
    clean_root_command,
    prepare,
    script_text,
    wipe,
)
from pipelines.steps.debian.dependencies.decisions import Decision, Rung, groups_on
from pipelines.steps.debian.dependencies.dummy import Provided
from pipelines.steps.debian.dependencies.host import DPKG_PACKAGES, Host
from pipelines.steps.debian.dependencies.install import solve
from pipelines.steps.debian.dependencies.relations import Group
from pipelines.steps.debian.packaging.dpkg_overlay import shim_scripts
from pipelines.steps.debian.packaging.substitutes import Arrangement, build_dummy
from pipelines.steps.maven.extension.listener import Listener, module_listener
from pipelines.steps.maven.incremental.store import ModuleStore, lend, take_back
from pipelines.steps.maven.java.jdk import jdk_folders, jdk_version
from pipelines.steps.maven.java.short_run import quick_options, remember_times
from pipelines.steps.maven.output.events import events_in
from pipelines.steps.maven.repository import reactor_folders
from pipelines.workspace.layout import Workspace

_SCRIPT = "/build/run"
_ENVIRONMENT = "/build/environment"
_SHIMS = Path("/build/shims")
_LISTENER = Path("/build/listener")
_KEPT = Path("/build/kept")
_SETTINGS = Path("/build/modules")
_RESULTS = "/build/results"
_EVENTS = "module-events"
_MODULES = "modules"
_REPORTS = "reports"
_JDK = "jdk-release"
"""Names in the results, which leave the root after a failed build, too."""
_BEGINS = "packaging begins in the clean root"
_ENDED = "packaging in the clean root ended with exit code "
_SHIMMED = ("dpkg-buildpackage", "dpkg-checkbuilddeps", "dch", "debchange")
_TOOLCHAIN = (*DPKG_PACKAGES, "maven", "build-essential")
_LAST_LINES = 20
# SIOCSIFFLAGS with IFF_UP: the root has no iproute2.
_LOOPBACK_UP = (
    "perl -MSocket -e 'socket(S, AF_INET, SOCK_DGRAM, 0) or die $!;"
    ' my $up = pack("a16sx22", "lo", 0x41); ioctl(S, 0x8914, $up) or die $!\''
)


def bare_host(host: Host, context: StepContext) -> Host:
    """The machine as seen from a new root: nothing is installed, everything may be."""
    admindir = context.workspace.scratch(f"{context.step}-nothing-installed")
    admindir.mkdir(parents=True, exist_ok=True)
    (admindir / "status").touch()
    return replace(host, admindir=admindir, is_root=True)


def package_in_clean_root(work: Work) -> Made:
    """Build there; the packages are in a folder of the step. Raises StepFailed, StepCancelled."""
    context, options = work.context, work.options
    scratch = context.workspace.scratch(context.step)
    if scratch.exists():
        shutil.rmtree(scratch)
    decisions = solve(work.control, options, context, bare_host(work.host, context))
    results = scratch / "results"
    (results / _REPORTS).mkdir(parents=True)
    (results / _EVENTS).touch()
    store = work.open_store()
    command = _fill(_on_host(scratch, "/build"), work, decisions, store)
    root = CleanRoot(
        suite=work.host.codename,
        variant="buildd",
        include=("fakeroot", *(("devscripts", "lsb-release") if work.script else ())),
        folder=scratch / "root",
        script=_SCRIPT,
        results=_RESULTS,
        target=results,
    )
    context.progress("building packages in a clean root")
    prepare(context)
    try:
        output = _run(clean_root_command(root, context), command.cwd, results, context)
    finally:
        _on_host(scratch, _ENVIRONMENT).unlink(missing_ok=True)
        wipe(context)
        _take_events(results, store, context)
    return Made(
        folder=results,
        decisions=decisions,
        toolchain=_toolchain(results),
        command=command,
        output=output,
    )


def _take_events(results: Path, store: ModuleStore | None, context: StepContext) -> None:
    file = context.workspace.module_events(context.step)
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(results / _EVENTS, file)
    events = events_in(file)
    remember_times(context, events)
    if store:
        take_back(results / _MODULES, store)
        store.finish(context, events)


def _on_host(scratch: Path, path: str) -> Path:
    """The place on the host of a file for `path` in the root."""
    return scratch / "root" / path.removeprefix("/")


def _fill(
    folder: Path, work: Work, decisions: tuple[Decision, ...], store: ModuleStore | None
) -> Command:
    """Make the content of `/build` in the root; returns the command that builds there."""
    context, options = work.context, work.options
    inside = Workspace(Path("/build"), context.workspace.job_id, context.workspace.attempt)
    source = folder / inside.source.relative_to("/build")
    copy_source(context, source)
    provided = [d.provided for d in decisions if d.provided is not None]
    dummy = _dummy(provided, folder, work)
    forced = bool(groups_on(Rung.FORCED, decisions))
    shims = shim_scripts(
        {name: f"/usr/bin/{name}" for name in _SHIMMED}, check=(), forced=forced, time=work.time
    )
    (folder / "shims").mkdir()
    for name, text in shims.items():
        (folder / "shims" / name).write_text(text)
        (folder / "shims" / name).chmod(0o755)
    arrangement = Arrangement(shims=_SHIMS, check_flags=(), forced=forced)
    command = build_command(work, source, inside, arrangement, _environment(context))
    command = _with_listener(command, folder, context, _lend(store, folder, inside, context))
    (folder / "run").write_text(
        _script(
            command,
            inside,
            groups_on(Rung.APT, decisions),
            dummy,
            options.tools,
            context.network,
            options.jdk,
        )
    )
    environment = folder / Path(_ENVIRONMENT).name
    environment.touch(mode=0o600)
    environment.write_bytes(os.fsencode(_exports(command.env)))
    return command


def _lend(
    store: ModuleStore | None, folder: Path, inside: Workspace, context: StepContext
) -> Path | None:
    """Put the store into the root; returns the path of its settings there."""
    if store is None:
        return None
    own, shared = Path(_RESULTS, _MODULES), _KEPT if store.shared else None
    results = folder / Path(_RESULTS).name / _MODULES
    results.mkdir(parents=True)
    (folder / _KEPT.name).mkdir()
    lend(store, reactor_folders(context.workspace.source), results, folder / _KEPT.name)
    text = store.text(source=inside.source, job=inside.root, own=own, shared=shared)
    (folder / _SETTINGS.name).write_text(text)
    return _SETTINGS


def _with_listener(
    command: Command, folder: Path, context: StepContext, settings: Path | None
) -> Command:
    """The command with a Maven that writes its events, and what it keeps, into the results."""
    listener = module_listener(context, context.env)
    past = events_in(context.workspace.module_events(context.step))
    quick = quick_options(context, command.env, past) or ()
    if listener.folder is not None:
        shutil.copytree(listener.folder, folder / _LISTENER.name)
    known = Listener(_LISTENER if listener.folder else None)
    options = known.java_options(Path(_RESULTS, _EVENTS), settings)
    opts = " ".join((*quick, command.env.get("MAVEN_OPTS", ""), options)).strip()
    return replace(command, env={**command.env, "MAVEN_OPTS": opts})


def _exports(env: Mapping[str, str]) -> str:
    """Lines for a shell, without names that no shell can export, like those of functions."""
    named = {name: value for name, value in env.items() if name.isascii() and name.isidentifier()}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(named.items()))


def _script(
    command: Command,
    inside: Workspace,
    groups: Sequence[Group],
    dummy: str | None,
    tools: Sequence[str],
    network: Network = Network.HOST,
    jdk: str | None = None,
) -> str:
    # Not with env: every process on the machine can read a command line, and secrets with it.
    enter = f". {_ENVIRONMENT} && cd {shlex.quote(str(inside.source))}"
    build = shlex.join(["/bin/sh", "-c", f"{enter} && exec {shlex.join(command.argv)}"])
    as_builder = f"runuser -u builder -- env -i {build}"
    if network is Network.NONE:
        alone = f"{_LOOPBACK_UP} && exec {as_builder}"
        as_builder = f"unshare --net sh -c {shlex.quote(alone)}"
    more = [*tools, *([dummy] if dummy else [])]
    return script_text(
        [
            apt_line("satisfy", *map(str, groups)),
            *([apt_line("install", *more)] if more else []),
            *(_jdk_lines(jdk) if jdk else []),
            # A user id that no user of the host has: as root, ids here are those of the host.
            "useradd --uid 65530 --home-dir /build --shell /bin/sh builder",
            f"mkdir -p {shlex.quote(str(inside.home))} {_RESULTS}",
            "chown -R builder: /build",
            f"echo '{_BEGINS}'",
            "code=0",
            f"{as_builder} </dev/null || code=$?",
            f'echo "{_ENDED}$code"',
            f"cd {shlex.quote(str(inside.source))}",
            f"mkdir {_RESULTS}/{_REPORTS}",
            f"find . -path '*-reports/TEST-*.xml' "
            f"-exec cp --parents --preserve=timestamps -t {_RESULTS}/{_REPORTS} {{}} +",
            f'[ "$code" != 0 ] || find {shlex.quote(str(inside.source.parent))} -maxdepth 1 '
            f"-type f -exec mv -t {_RESULTS} {{}} +",
            # The maker of the root owns the results.
            f"chown -R root: {_RESULTS}",
        ]
    )


def _jdk_lines(jdk: str) -> list[str]:
    """Find the JDK that apt has installed, and give it to the build."""
    homes = " ".join(f"/usr/lib/jvm/{name}-*" for name in jdk_folders(jdk))
    return [
        f'for home in {homes}; do [ ! -x "$home/bin/javac" ] || break; done',
        f'mkdir -p {_RESULTS}; cp "$home/release" {_RESULTS}/{_JDK}',
        f'echo "export JAVA_HOME=$home PATH=$home/bin:\\$PATH" >> {_ENVIRONMENT}',
    ]


def _dummy(provided: list[Provided], folder: Path, work: Work) -> str | None:
    if not provided:
        return None
    package = build_dummy(work.control.source, provided, folder / "dummy", work.context)
    return f"/build/dummy/{package.name}"


def _environment(context: StepContext) -> dict[str, str]:
    """The step's environment, without variables about folders of the host."""
    places = ("PATH", "HOME", "JAVA_HOME", "SSH_AUTH_SOCK", "TMPDIR")
    kept = {name: value for name, value in context.env.items() if name not in places}
    return {**kept, "PATH": "/usr/local/bin:/usr/bin:/bin"}


def _run(command: Command, source: Path, results: Path, context: StepContext) -> BuildOutput:
    """Run it; in its output the tree is at `source`. Raises StepFailed, StepCancelled."""
    output = BuildOutput(
        source,
        context.progress,
        time.time(),
        reports=results / _REPORTS,
        events=results / _EVENTS,
    )
    began, ended, lines = False, 0, []

    def on_line(line: str) -> None:
        nonlocal began, ended
        if line == _BEGINS:
            began = True
        elif line.startswith(_ENDED):
            ended = int(line.removeprefix(_ENDED))
        elif began and not ended:
            output.add(line)
        elif not began:
            lines.append(line)
            del lines[:-_LAST_LINES]

    try:
        code = context.commands.run(command, on_line)
    except StepFailed as error:
        raise output.interrupted(error) from error
    if began and ended:
        raise output.failure(ended)
    if code == 0:
        return output
    raise StepFailed(
        FailureCode.BUILD_DEPENDS,
        f"cannot make the clean root for the build: {_first_error(lines, code)}",
        excerpt=excerpt(lines),
        retryable=True,
    )


def _first_error(lines: list[str], code: int) -> str:
    return next((line for line in lines if line.startswith("E: ")), f"exit code {code}")[:300]


def _toolchain(folder: Path) -> dict[str, str]:
    """Versions of the tools that made the packages, from their .buildinfo."""
    found: dict[str, str] = {}
    for path in folder.glob("*.buildinfo"):
        with path.open(encoding="utf-8", errors="replace") as stream:
            relations: Any = BuildInfo(stream).relations["installed-build-depends"]
            for relation, *_ in relations:
                name, (_, version) = relation["name"], relation["version"]
                if name in _TOOLCHAIN or name.startswith("openjdk-"):
                    found[name] = version
    java = jdk_version(folder / _JDK)
    return {**found, **({"java": java} if java else {})}
