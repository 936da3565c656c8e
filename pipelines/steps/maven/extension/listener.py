"""Makes Maven write events of its modules, and keep and use their results.

The Java files here do it, compiled once for each Maven and JDK of a builder, against the machine's
own Maven. Wrappers' and packaging's Maven use them too: the interfaces are the same in all of Maven
3.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import StepContext
from pipelines.processes.capture import capture
from pipelines.steps.maven.java.versions import java_version, maven_home, maven_version
from pipelines.workspace.host_lock import host_lock

_COMPONENTS = ("ModuleEventSpy", "ModuleChoice")
_SOURCES = tuple(sorted(Path(__file__).parent.rglob("*.java")))
_TIME_TO_COMPILE = 120.0


@dataclass(frozen=True, slots=True)
class Listener:
    """The compiled listener, or why there is none."""

    folder: Path | None
    problem: str = ""

    def arguments(self, events: Path, settings: Path | None = None) -> tuple[str, ...]:
        """Arguments with which Maven appends to `events`.

        `settings` is the file that says which modules are kept; without it every one is built.
        """
        if self.folder is None:
            return ()
        known = (f"-Dbuildcoordination.modules={settings}",) if settings else ()
        loaded = f"-Dmaven.ext.class.path={self.folder}"
        return (loaded, f"-Dbuildcoordination.events={events}", *known)

    def java_options(self, events: Path, settings: Path | None = None) -> str:
        """The same for MAVEN_OPTS, if a script calls Maven; empty if a path contains a space."""
        options = self.arguments(events, settings)
        return "" if any(" " in option for option in options) else " ".join(options)


def module_listener(context: StepContext, env: Mapping[str, str]) -> Listener:
    """The listener for the Maven and the JDK of `env`; without it the log is used."""
    home = maven_home(env)
    if home is None or not any((home / "lib").glob("maven-core*.jar")):
        return Listener(None, "this machine has no Maven to compile the listener against")
    tools = f"{home} {maven_version(env)} {java_version(env)}"
    key = hashlib.sha256(f"{sources_digest()} {tools}".encode()).hexdigest()[:16]
    folder = context.workspace.maven_tools / "listener" / key
    with host_lock(folder.with_suffix(".lock"), context.commands.check_cancelled):
        problem = "" if folder.is_dir() else _compile(home / "lib", folder, env)
    return Listener(None, problem) if problem else Listener(folder)


def sources_digest() -> str:
    """Digest of the extension: results that another version of it has kept are not used."""
    return hashlib.sha256(b"\n".join(source.read_bytes() for source in _SOURCES)).hexdigest()


def _compile(jars: Path, folder: Path, env: Mapping[str, str]) -> str:
    """Make `folder`; returns javac's message on a failure."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    index = temporary / "META-INF" / "sisu" / "javax.inject.Named"
    index.parent.mkdir(parents=True)
    index.write_text("".join(f"buildcoordination.{name}\n" for name in _COMPONENTS))
    # 8 is the oldest Java that current Maven 3 supports, whatever JDK compiles.
    flags = ("-source", "8", "-target", "8", "-nowarn", "-Xlint:-options", "-proc:none")
    argv = ("javac", *flags, "-cp", f"{jars}/*", "-d", str(temporary), *map(str, _SOURCES))
    try:
        done = capture(argv, cwd=folder.parent, env=env, timeout=_TIME_TO_COMPILE)
    except StepFailed as error:
        return error.message
    if done.code:
        return f"javac fails: {' '.join(done.text.split())[:300]}"
    temporary.rename(folder)
    return ""
