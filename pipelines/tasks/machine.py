"""The programs and private sources that a builder needs: whether it has them, and gets in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.settings.source_credentials import credential_for
from pipelines.domain.debian_packages import PACKAGE_OF
from pipelines.domain.errors import PipelineError, StepFailed
from pipelines.domain.pipeline import Pipeline
from pipelines.git.remote import check_repository, git_environment, public_url, unreachable
from pipelines.processes.capture import capture

Check = tuple[str, str, str | None]
"""Name of the check, its result, and the remedy (None: nothing to do)."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that steps call."""

    name: str
    version: tuple[str, ...]
    """Command that prints its version."""

    @property
    def package(self) -> str:
        """Debian package that contains it."""
        return PACKAGE_OF[self.name]


def _installed(package: str) -> tuple[str, ...]:
    """For tools that have no option to print their version."""
    return ("dpkg-query", "--show", "--showformat", "${Package} ${Version}", package)


TOOLS = (
    Tool("git", ("git", "--version")),
    Tool("javac", ("javac", "-version")),
    Tool("mvn", ("mvn", "-B", "-Dstyle.color=never", "--version")),
    Tool("dpkg-buildpackage", ("dpkg-buildpackage", "--version")),
    Tool("dh", _installed("debhelper")),
    Tool("dch", ("dch", "--version")),
    Tool("equivs-build", _installed("equivs")),
    Tool("fakeroot", ("fakeroot", "--version")),
    Tool("lsb_release", ("lsb_release", "--short", "--description")),
)

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SECONDS = 30.0
_ASK_SECONDS = 30
_ANY_END = tuple(range(-64, 256))


def check_tools(env: Mapping[str, str]) -> Iterator[Check]:
    """Check each tool."""
    for tool in TOOLS:
        path = shutil.which(tool.name, path=env.get("PATH"))
        if path is None:
            yield tool.name, "not found", f"apt-get install {tool.package}"
            continue
        code, text = _answer(tool.version, env)
        line = next(iter(_ANSI.sub("", text).strip().splitlines()), path)
        if code != 0:
            yield tool.name, f"{path} fails: {line}", f"apt-get install --reinstall {tool.package}"
        else:
            yield tool.name, line.strip(), None


def _answer(argv: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and output of a tool; 124, as of timeout(1), when it takes too long."""
    import sh  # noqa: PLC0415 - with asyncio it takes a tenth of a second, which only doctor pays

    program = shutil.which(argv[0], path=env.get("PATH"))
    if program is None:
        return 127, f"{argv[0]} is not installed"
    try:
        done = sh.Command(program)(
            *argv[1:],
            _cwd="/",
            _env=dict(env),
            _err_to_out=True,
            _ok_code=_ANY_END,
            _return_cmd=True,
            _timeout=_SECONDS,
            _tty_out=False,
        )
    except sh.TimeoutException:
        return 124, f"no answer within {_SECONDS:g} s"
    return done.exit_code, str(done)


def check_sources(
    pipelines: Mapping[str, Pipeline], env: Mapping[str, str]
) -> Iterator[tuple[str, str, str | None, bool]]:
    """Name, result, remedy and whether it is required, of each source that has a credential."""
    for repository in _private(pipelines.values(), env):
        url = public_url(repository)
        try:
            problem = _problem(repository, env)
        except PipelineError as error:
            problem = str(error)
        remedy = f"correct source_credentials in builder.yaml: {problem}"
        yield "source access", url, remedy if problem else None, True


def _private(pipelines: Iterable[Pipeline], env: Mapping[str, str]) -> list[str]:
    found = {pipeline.source.repository for pipeline in pipelines}
    return sorted(each for each in found if credential_for(public_url(each), env))


def _problem(repository: str, env: Mapping[str, str]) -> str:
    url = check_repository(public_url(repository))
    try:
        asked = git_environment(repository, env)
        words = ["git", "ls-remote", "--", url, "HEAD"]
        done = capture(words, cwd=Path("/"), env=asked, timeout=_ASK_SECONDS)
    except StepFailed as error:
        return error.message
    return unreachable(url, done.text.splitlines(), asked).message if done.code else ""
