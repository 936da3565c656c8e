"""Tools that only some step options need on a builder, and what is impossible without them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from pipelines.domain.pipeline import Options, Pipeline, Unresolved
from pipelines.steps.debian.clean_root import shortcoming

Extra = tuple[str, str, str | None, bool]
"""Name, result, remedy (None: nothing to do), and whether a pipeline requires it."""

_SHOWN = 3


def check_extras(env: Mapping[str, str], pipelines: Mapping[str, Pipeline]) -> Iterator[Extra]:
    """Check each, in addition to `check_tools`; `pipelines` are those of this farm."""
    path = env.get("PATH")
    yield _lintian(shutil.which("lintian", path=path))
    yield _clean_root(env, _those(pipelines, lambda o: _of(o, "isolation") == "chroot"))
    lfs = tuple(name for name, pipeline in pipelines.items() if pipeline.source.lfs)
    yield _git_lfs(shutil.which("git-lfs", path=path), lfs)
    yield _root(_those(pipelines, lambda o: _of(o, "dummies") == "installed"))
    for tool in sorted(_named_tools(pipelines)):
        found = shutil.which(tool, path=path)
        users = _those(pipelines, partial(_names_tool, tool))
        missing = "not found, but listed in `tools`: " + _no_packages(users)
        yield tool, found or missing, None if found else f"apt-get install {tool}", True


def _lintian(found: str | None) -> Extra:
    if found:
        return "lintian", found, None, False
    without = "not found: packages are built, but not checked by lintian"
    return "lintian", without, "apt-get install lintian", False


def _clean_root(env: Mapping[str, str], users: tuple[str, ...]) -> Extra:
    missing = shortcoming(env)
    if missing is None:
        return "clean root", "mmdebstrap can create one", None, bool(users)
    problem, remedy = missing
    without = (
        f"`isolation: chroot` is impossible: {_no_packages(users)}"
        if users
        else "`isolation: chroot` is impossible and `install_test: root` is simulated"
    )
    return "clean root", f"{problem}: {without}", remedy, bool(users)


def _git_lfs(found: str | None, users: tuple[str, ...]) -> Extra:
    if found:
        return "git-lfs", found, None, bool(users)
    without = (
        f"no source for {_shown(users)}" if users else "sources with `lfs: true` are impossible"
    )
    return "git-lfs", f"not found: {without}", "apt-get install git-lfs", bool(users)


def _root(users: tuple[str, ...]) -> Extra:
    if os.geteuid() == 0:
        return "root", "yes: missing Build-Depends can be installed", None, bool(users)
    without = (
        f"no: `dummies: installed` is impossible: {_no_packages(users)}"
        if users
        else "no: a job cannot install missing Build-Depends"
    )
    remedy = "run doit as root, or install the Build-Depends of the sources first"
    return "root", without, remedy, bool(users)


def _those(pipelines: Mapping[str, Pipeline], wanted: Callable[[Options], bool]) -> tuple[str, ...]:
    """Names of the pipelines with a `build-deb` step that has such options."""
    return tuple(
        name for name, pipeline in pipelines.items() if any(map(wanted, _packagings(pipeline)))
    )


def _packagings(pipeline: Pipeline) -> Iterator[Options]:
    return (step.options for step in pipeline.steps if step.kind.name == "build-deb")


def _named_tools(pipelines: Mapping[str, Pipeline]) -> set[str]:
    options = (o for pipeline in pipelines.values() for o in _packagings(pipeline))
    return {tool for one in options for tool in _tools_on_host(one)}


def _names_tool(tool: str, options: Options) -> bool:
    return tool in _tools_on_host(options)


def _tools_on_host(options: Options) -> tuple[str, ...]:
    """Tools needed on the host: a clean root has its own."""
    tools = () if _of(options, "isolation") == "chroot" else _of(options, "tools") or ()
    return tuple(tools) if isinstance(tools, list | tuple) else (tools,)


def _of(options: Options, name: str) -> Any:
    if isinstance(options, Unresolved):
        return options.values.get(name)
    return getattr(options, name)


def _no_packages(users: tuple[str, ...]) -> str:
    return f"no packages for {_shown(users)}"


def _shown(users: tuple[str, ...]) -> str:
    more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
    return ", ".join(users[:_SHOWN]) + more
