"""The configuration of a builder: one YAML file, environment over file, flags over environment."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.yaml.document import Document, read_document
from common.yaml.duration import Duration
from common.yaml.findings import InvalidFile
from common.yaml.size import Size
from common.yaml.validate import Several, Text, validate
from coordination_tasks.builder.config.disk import DEFAULT_MIN_FREE, LimitsFile
from coordination_tasks.builder.config.heartbeat import (
    HeartbeatConfig,
    HeartbeatFile,
    check_lease,
    heartbeat_config,
)
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.domain.model import BuilderProfile, is_builder_id

CONFIG_VARIABLE = "BUILDER_CONFIG"
BUILDER_VARIABLE = "BUILDER_ID"
REPOSITORY_VARIABLE = "COORDINATION_REPOSITORY"
STATE_VARIABLE = "BUILDER_STATE_DIR"
PIPELINES_VARIABLE = "PIPELINES_FILE"

DEFAULT_FILE = "builder.yaml"
DEFAULT_LOCK_DIR = "/run/lock/build-coordination"


MOST_PARALLEL = 256
"""Steps that may run at once: each has a thread and processes of its own."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _checked_variable(name: str) -> str:
    if _VARIABLE.fullmatch(name) is None:
        raise ValueError(
            f"{name[:60]!r} can't be the name of a variable: letters, digits and _ only"
        )
    return name


_VariableName = Annotated[str, AfterValidator(_checked_variable)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BuilderFile(_Model):
    """`builder.yaml`; `docs/configuration.md` describes each key."""

    builder: Text | None = None
    ip: Text = ""
    manager: Text = ""
    coordination_repository: Text | None = None
    state_dir: Text | None = None
    pipelines_file: Text | None = None
    default_pipeline: Text | None = None
    labels: dict[str, Text] = Field(default_factory=dict)
    env: dict[_VariableName, Text] = Field(default_factory=dict)
    pass_env: Several[Text] = ()
    flush_every: Duration = 30.0
    push_timeout: Duration = 60.0
    parallel: int = Field(default=1, ge=1, le=MOST_PARALLEL)
    pushes_per_minute: float = Field(default=6.0, gt=0, allow_inf_nan=False)
    lease: Duration = 300.0
    observe_every: Duration = 30.0
    heartbeat: HeartbeatFile = HeartbeatFile()
    keep_jobs: Duration = 30 * 86400.0
    keep_messages: Duration = 30 * 86400.0
    keep_logs: Duration = 7 * 86400.0
    limits: LimitsFile = LimitsFile()
    min_free: Size = DEFAULT_MIN_FREE
    secrets_file: Text | None = None
    lock_dir: Text = DEFAULT_LOCK_DIR


class BuilderConfig(_Model):
    """What a builder works with; all paths are absolute."""

    profile: BuilderProfile
    coordination_repository: str
    state_dir: Path
    pipelines_file: Path
    default_pipeline: str | None
    env: Mapping[str, str]
    """Environment of all steps."""
    declared_env: Mapping[str, str]
    """What of it `env` and `pass_env` name: steps that succeeded run again when it changes."""
    flush_every: float
    """Seconds between two pushes of transitions while a job is built."""
    push_timeout: float
    """Seconds after which a push or fetch is given up."""
    parallel: int
    """Steps of one job that run at once, if they don't need each other."""
    pushes_per_minute: float
    """What all processes of this builder may push together, beside what must not wait."""
    lease: float
    """Seconds without a sign of life after which a builder's job is anybody's."""
    observe_every: float
    """Seconds between two looks at the other builders."""
    heartbeat: HeartbeatConfig
    ages: Ages
    """After which what is over goes to the archive."""
    limits: Mapping[str, tuple[float, int]]
    """Seconds and bytes that `workspaces`, `mirrors`, `logs` and `maven` may have."""
    min_free: int
    """Bytes that have to be free in `state_dir` for a claim."""
    secrets_file: Path | None
    """Where secrets are that the environment does not have."""
    lock_dir: Path
    """Locks on resources, shared by all builders of the host."""


def read_builder_config(
    home: Path,
    environment: Mapping[str, str],
    builder: str | None = None,
    *,
    found_labels: Mapping[str, str] | None = None,
) -> BuilderConfig:
    """Configuration of this builder; `home` is the folder of dodo.py, `builder` the flag.

    `found_labels` are what the machine itself was found to offer; the file's labels win.

    Raises BadConfiguration with every finding.
    """
    path, file = _read_file(home, environment)
    repository = environment.get(REPOSITORY_VARIABLE) or file.coordination_repository
    if not repository:
        raise BadConfiguration(
            f"no coordination repository is configured: set coordination_repository in {path} "
            f"or {REPOSITORY_VARIABLE}, or run scripts/quickstart for a local one"
        )
    name = builder or environment.get(BUILDER_VARIABLE) or file.builder or _host_name()
    if not is_builder_id(name):
        raise BadConfiguration(
            f"{name[:60]!r} can't be a builder's id: it has letters, digits, - and _, at most 63"
        )
    state_dir = environment.get(STATE_VARIABLE) or file.state_dir or _default_state_dir(environment)
    heartbeat = heartbeat_config(file.heartbeat, environment, name)
    check_lease(file.lease, heartbeat, file.pushes_per_minute)
    return BuilderConfig(
        profile=BuilderProfile(
            id=name,
            ip=file.ip,
            manager=file.manager,
            labels={**(found_labels or {}), **file.labels},
            heartbeats_at=heartbeat.place,
            lease=file.lease,
        ),
        coordination_repository=_resolve_remote(repository, path.parent),
        state_dir=_resolve(state_dir, path.parent) / name,
        pipelines_file=pipelines_file(home, environment),
        default_pipeline=file.default_pipeline,
        env={**_passed(file.pass_env, environment), **file.env},
        declared_env={**_named(file.pass_env, environment), **file.env},
        flush_every=file.flush_every,
        push_timeout=file.push_timeout,
        parallel=file.parallel,
        pushes_per_minute=file.pushes_per_minute,
        lease=file.lease,
        observe_every=file.observe_every,
        heartbeat=heartbeat,
        ages=Ages(
            jobs=timedelta(seconds=file.keep_jobs),
            messages=timedelta(seconds=file.keep_messages),
            logs=timedelta(seconds=file.keep_logs),
        ),
        limits=file.limits.by_kind(),
        min_free=file.min_free,
        secrets_file=_resolve(file.secrets_file, path.parent) if file.secrets_file else None,
        lock_dir=_resolve(file.lock_dir, path.parent),
    )


def pipelines_file(home: Path, environment: Mapping[str, str]) -> Path:
    """Path of `pipelines.yaml`; needs no other configuration, so that `doit list` always works."""
    path, file = _read_file(home, environment)
    chosen = environment.get(PIPELINES_VARIABLE) or file.pipelines_file
    return _resolve(chosen, path.parent) if chosen else home / "pipelines.yaml"


def _read_file(home: Path, environment: Mapping[str, str]) -> tuple[Path, BuilderFile]:
    chosen = environment.get(CONFIG_VARIABLE)
    path = Path(chosen).absolute() if chosen else home / DEFAULT_FILE
    if not chosen and not path.exists():
        return path, BuilderFile()
    try:
        document: Document = read_document(path)
        return path.resolve(), validate(BuilderFile, document)
    except InvalidFile as error:
        raise BadConfiguration(str(error)) from error


def _host_name() -> str:
    return socket.gethostname().partition(".")[0]


def _default_state_dir(environment: Mapping[str, str]) -> str:
    base = environment.get("XDG_STATE_HOME") or _expanded("~/.local/state")
    return f"{base}/build-coordination"


def _resolve(path: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder / _expanded(path)))


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadConfiguration(
            f"{path[:100]}: this home folder is not known: set HOME, or write the whole path"
        ) from error


def _resolve_remote(repository: str, folder: Path) -> str:
    """A URL as it is; a path made absolute."""
    if "://" in repository or ":" in repository.partition("/")[0]:
        return repository
    return str(_resolve(repository, folder))


_ALWAYS_PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "SSH_AUTH_SOCK", "HOME")
_PASSED_SUFFIXES = ("_proxy", "_PROXY")


def _passed(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """Only named variables reach a build: the rest of a login shell must not change packages."""
    wanted = {*_ALWAYS_PASSED, *names}
    return {
        key: value
        for key, value in environment.items()
        if key in wanted or key.endswith(_PASSED_SUFFIXES)
    }


def _named(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}
