"""The configuration of a builder: a YAML file, overridden by environment, then by flags."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from common.records import (
    boolean,
    integer,
    key,
    map_of,
    number,
    one_of,
    optional,
    read_record,
    record,
    several,
    text,
)
from common.settings.destinations import Destination, destination, resolved
from common.settings.pipelines_source import PipelinesSource
from common.settings.sandbox import (
    Access,
    SandboxKind,
    SandboxSettings,
    StepLimits,
    parse_cpus,
    parse_memory,
)
from common.settings.source_credentials import (
    SourceCredential,
    as_variable,
    in_folder,
    source_credential,
    source_prefix,
)
from common.settings.ssh_hosts import SshHost, ssh_host, with_full_paths
from common.yaml.document import read_document
from common.yaml.duration import parse_duration
from common.yaml.findings import InvalidFile
from common.yaml.size import parse_size
from coordination_tasks.builder.config.disk import DEFAULT_MIN_FREE, LimitsFile
from coordination_tasks.builder.config.environment import named_variables, passed
from coordination_tasks.builder.config.heartbeat import (
    HeartbeatConfig,
    HeartbeatFile,
    check_lease,
    heartbeat_config,
)
from coordination_tasks.builder.config.logs import LogsFile
from coordination_tasks.builder.config.pipelines import PipelinesSourceFile, pipelines_source
from coordination_tasks.builder.config.values import checked_log_limit, host_path, variable
from coordination_tasks.documents.retention import Ages
from coordination_tasks.domain.errors import BadConfiguration
from coordination_tasks.domain.model import BuilderProfile, is_builder_id
from coordination_tasks.domain.step_log import LogLimits

CONFIG_VARIABLE = "BUILDER_CONFIG"
BUILDER_VARIABLE = "BUILDER_ID"
REPOSITORY_VARIABLE = "COORDINATION_REPOSITORY"
STATE_VARIABLE = "BUILDER_STATE_DIR"
PIPELINES_VARIABLE = "PIPELINES_FILE"

DEFAULT_FILE = "builder.yaml"
DEFAULT_LOCK_DIR = "/run/lock/build-coordination"


DEFAULT_TIMEOUT = 6 * 3600.0
"""Seconds that a step without a timeout may take: a hang must end by itself some day."""
DEFAULT_LOG_LIMIT = 200 * 1024**2
MOST_PARALLEL = 256
"""Maximum of parallel steps: each has a thread and processes of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderFile:
    """`builder.yaml`; `docs/configuration.md` describes each key."""

    builder: str | None = key(optional(text), None)
    ip: str = key(text, "")
    manager: str = key(text, "")
    address: str = key(text, "")
    coordination_repository: str | None = key(optional(text), None)
    state_dir: str | None = key(optional(text), None)
    pipelines_file: str | None = key(optional(text), None)
    pipelines_source: PipelinesSourceFile | None = key(optional(record(PipelinesSourceFile)), None)
    default_pipeline: str | None = key(optional(text), None)
    labels: Mapping[str, str] = key(map_of(text), factory=dict)
    env: Mapping[str, str] = key(map_of(text, variable), factory=dict)
    pass_env: tuple[str, ...] = key(several(text), ())
    flush_every: float = key(parse_duration, 30.0)
    push_timeout: float = key(parse_duration, 60.0)
    parallel: int = key(integer(least=1, most=MOST_PARALLEL), 1)
    pushes_per_minute: float = key(number(above=0), 6.0)
    lease: float = key(parse_duration, 300.0)
    observe_every: float = key(parse_duration, 30.0)
    heartbeat: HeartbeatFile = key(record(HeartbeatFile), factory=HeartbeatFile)
    keep_jobs: float = key(parse_duration, 30 * 86400.0)
    keep_messages: float = key(parse_duration, 30 * 86400.0)
    keep_logs: float = key(parse_duration, 7 * 86400.0)
    keep_good_builds: int = key(integer(least=1), 20)
    logs: LogsFile = key(record(LogsFile), factory=LogsFile)
    limits: LimitsFile = key(record(LimitsFile), factory=LimitsFile)
    min_free: int = key(parse_size, DEFAULT_MIN_FREE)
    secrets_file: str | None = key(optional(text), None)
    signing_key: str | None = key(optional(text), None)
    allowed_signers: str | None = key(optional(text), None)
    require_signed_jobs: bool = key(boolean, False)
    destinations: Mapping[str, Destination] = key(map_of(destination), factory=dict)
    ssh_hosts: Mapping[str, SshHost] = key(map_of(ssh_host), factory=dict)
    source_credentials: Mapping[str, SourceCredential] = key(
        map_of(source_credential, source_prefix), factory=dict
    )
    lock_dir: str = key(text, DEFAULT_LOCK_DIR)
    default_timeout: float = key(parse_duration, DEFAULT_TIMEOUT)
    log_limit: int = key(checked_log_limit, DEFAULT_LOG_LIMIT)
    sandbox: SandboxKind | None = key(optional(one_of(SandboxKind)), None)
    sandbox_paths: Mapping[str, Access] = key(map_of(one_of(Access), host_path), factory=dict)
    step_memory: int | None = key(optional(parse_memory), None)
    step_cpus: float | None = key(optional(parse_cpus), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderConfig:
    """The settings of a builder; all paths are absolute."""

    profile: BuilderProfile
    coordination_repository: str
    state_dir: Path
    pipelines_file: Path
    default_pipeline: str | None
    env: Mapping[str, str]
    """Environment of all steps."""
    declared_env: Mapping[str, str]
    """The part of it from `env` and `pass_env`: finished steps run again when it changes."""
    flush_every: float
    """Seconds between two pushes of transitions during a build."""
    push_timeout: float
    """Seconds after which a push or fetch is aborted."""
    parallel: int
    """Steps of one job that run in parallel, if they do not need each other."""
    pushes_per_minute: float
    """Pushes per minute of all processes of this builder, besides urgent ones."""
    lease: float
    """Seconds without a heartbeat after which others may take a builder's job."""
    observe_every: float
    """Seconds between two checks of the other builders."""
    heartbeat: HeartbeatConfig
    ages: Ages
    """Ages after which finished records are archived."""
    keep_good_builds: int
    """Good builds of each branch that keep their tag."""
    logs: LogLimits
    """How much of the logs of its steps it publishes."""
    limits: Mapping[str, tuple[float, int]]
    """Age in seconds and size in bytes that `workspaces`, `mirrors`, `logs`, `maven` may reach."""
    min_free: int
    """Bytes that must be free in `state_dir` for a claim."""
    secrets_file: Path | None
    """The file of secrets that the environment does not have."""
    signing_key: Path | None
    """The ssh key that signs manifests; None: they are not signed."""
    allowed_signers: Path | None
    """The file of keys whose signatures count; None: signatures are not checked."""
    require_signed_jobs: bool
    """Whether it runs only jobs that one of these keys signed."""
    destinations: Mapping[str, Destination]
    """Where steps may publish, by name."""
    ssh_hosts: Mapping[str, SshHost]
    """Where steps may run commands, by name."""
    lock_dir: Path
    """Folder of the resource locks that all builders of the host share."""
    default_timeout: float
    """Seconds that a step without a timeout may take."""
    log_limit: int
    """Bytes of a step's log from which output is dropped."""
    sandbox: SandboxSettings
    """How the commands of steps are separated from this builder."""


def read_builder_config(
    home: Path,
    environment: Mapping[str, str],
    builder: str | None = None,
    *,
    found_labels: Mapping[str, str] | None = None,
    without_repository: bool = False,
) -> BuilderConfig:
    """Configuration of this builder; `home` is the folder of dodo.py, `builder` the flag.

    `found_labels` were detected on the machine; labels in the file override them.
    `without_repository`: for what needs no coordination repository, which may be missing then.

    Raises BadConfiguration with every finding.
    """
    path, file = _read_file(home, environment)
    repository = environment.get(REPOSITORY_VARIABLE) or file.coordination_repository
    if not repository and not without_repository:
        raise BadConfiguration(
            f"coordination repository is not configured. Set coordination_repository in {path} "
            f"or {REPOSITORY_VARIABLE}, or run scripts/quickstart for a local one."
        )
    name = builder or environment.get(BUILDER_VARIABLE) or file.builder or _host_name()
    if not is_builder_id(name):
        raise BadConfiguration(
            f"invalid builder id {name[:60]!r}: use letters, digits, - and _, at most 63"
        )
    heartbeat = heartbeat_config(file.heartbeat, environment, name)
    check_lease(file.lease, heartbeat, file.pushes_per_minute)
    return BuilderConfig(
        profile=_profile(name, file, found_labels or {}, heartbeat),
        coordination_repository=_resolve_remote(repository or "", path.parent),
        state_dir=_resolve(_state_dir(file, environment), path.parent) / name,
        pipelines_file=pipelines_file(home, environment),
        default_pipeline=file.default_pipeline,
        env=passed(file.pass_env, environment) | dict(file.env) | _source_variable(path, file),
        declared_env={**named_variables(file.pass_env, environment), **file.env},
        flush_every=file.flush_every,
        push_timeout=file.push_timeout,
        parallel=file.parallel,
        pushes_per_minute=file.pushes_per_minute,
        lease=file.lease,
        observe_every=file.observe_every,
        heartbeat=heartbeat,
        ages=_ages(file),
        keep_good_builds=file.keep_good_builds,
        logs=file.logs.limits(),
        limits=file.limits.by_kind(),
        min_free=file.min_free,
        secrets_file=_optional_path(file.secrets_file, path.parent),
        signing_key=_optional_path(file.signing_key, path.parent),
        allowed_signers=_allowed_signers(path, file),
        require_signed_jobs=file.require_signed_jobs,
        destinations=_destinations(file, path.parent),
        ssh_hosts=_ssh_hosts(file, path.parent),
        lock_dir=_resolve(file.lock_dir, path.parent),
        default_timeout=file.default_timeout,
        log_limit=file.log_limit,
        sandbox=_sandbox(path, file, environment, home),
    )


def _allowed_signers(path: Path, file: BuilderFile) -> Path | None:
    if file.require_signed_jobs and file.allowed_signers is None:
        raise BadConfiguration(
            f"{path}: require_signed_jobs needs allowed_signers, the file of the keys that count"
        )
    return _optional_path(file.allowed_signers, path.parent)


def _source_variable(path: Path, file: BuilderFile) -> dict[str, str]:
    found = file.source_credentials.items()
    return as_variable({start: in_folder(each, path.parent) for start, each in found})


def source_environment(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What callers of git need for private sources; needs no other setting."""
    return _source_variable(*_read_file(home, environment))


def _ssh_hosts(file: BuilderFile, folder: Path) -> dict[str, SshHost]:
    return {name: with_full_paths(found, folder) for name, found in file.ssh_hosts.items()}


def _destinations(file: BuilderFile, folder: Path) -> dict[str, Destination]:
    return {name: resolved(found, folder) for name, found in file.destinations.items()}


def _sandbox(
    path: Path, file: BuilderFile, environment: Mapping[str, str], home: Path
) -> SandboxSettings:
    """Hides from steps what is the builder's alone: settings, keys, state, what it publishes."""
    folder = path.parent
    state_dir = _state_dir(file, environment)
    remote = environment.get(REPOSITORY_VARIABLE) or file.coordination_repository or ""
    remote = _resolve_remote(remote.removeprefix("file://"), folder)
    named = [file.secrets_file, file.signing_key, state_dir]
    for found in file.destinations.values():
        named += [found.apt, None if found.ssh else found.folder, found.gnupg_home]
    named += [host.key for host in file.ssh_hosts.values()]
    named += [str(found.file) for found in file.source_credentials.values()]
    return SandboxSettings(
        kind=file.sandbox,
        paths={_expanded(name): access for name, access in file.sandbox_paths.items()},
        hidden=(
            *(path, pipelines_file(home, environment)),
            *(_resolve(name, folder) for name in named if name),
            *([Path(remote)] if remote.startswith("/") else []),
        ),
        limits=StepLimits(memory=file.step_memory, cpus=file.step_cpus),
    )


def _profile(
    name: str, file: BuilderFile, found_labels: Mapping[str, str], heartbeat: HeartbeatConfig
) -> BuilderProfile:
    return BuilderProfile(
        id=name,
        ip=file.ip,
        manager=file.manager,
        address=file.address,
        labels={**found_labels, **file.labels},
        heartbeats_at=heartbeat.place,
        lease=file.lease,
    )


def _ages(file: BuilderFile) -> Ages:
    return Ages(
        jobs=timedelta(seconds=file.keep_jobs),
        messages=timedelta(seconds=file.keep_messages),
        logs=timedelta(seconds=file.keep_logs),
    )


def pipelines_file(home: Path, environment: Mapping[str, str]) -> Path:
    """Path of `pipelines.yaml`; needs no other setting, so that `doit list` always works."""
    path, file = _read_file(home, environment)
    chosen = environment.get(PIPELINES_VARIABLE) or file.pipelines_file
    return _resolve(chosen, path.parent) if chosen else home / "pipelines.yaml"


def source_of_pipelines(home: Path, environment: Mapping[str, str]) -> PipelinesSource | None:
    """Where the pipelines come from; None: from `pipelines_file`. Needs no other setting.

    Raises BadConfiguration.
    """
    path, file = _read_file(home, environment)
    if file.pipelines_source is None or environment.get(PIPELINES_VARIABLE):
        return None
    if file.pipelines_file:
        raise BadConfiguration(f"{path}: pipelines_file and pipelines_source exclude each other")
    folder = path.parent
    coordination = environment.get(REPOSITORY_VARIABLE) or file.coordination_repository or ""
    return pipelines_source(
        file.pipelines_source,
        coordination=_resolve_remote(coordination, folder),
        state_dir=_resolve(_state_dir(file, environment), folder),
        remote=lambda name: _resolve_remote(name, folder),
        path=lambda name: _resolve(name, folder),
    )


def default_timeout(home: Path, environment: Mapping[str, str]) -> float:
    """Seconds that a step without a timeout may take; needs no other setting."""
    return _read_file(home, environment)[1].default_timeout


def _read_file(home: Path, environment: Mapping[str, str]) -> tuple[Path, BuilderFile]:
    chosen = environment.get(CONFIG_VARIABLE)
    path = Path(chosen).absolute() if chosen else home / DEFAULT_FILE
    if not chosen and not path.exists():
        return path, BuilderFile()
    try:
        return path.resolve(), read_record(record(BuilderFile), read_document(path))
    except InvalidFile as error:
        raise BadConfiguration(str(error)) from error


def _host_name() -> str:
    return socket.gethostname().partition(".")[0]


def _state_dir(file: BuilderFile, environment: Mapping[str, str]) -> str:
    """The folder of the states of all builders of this host."""
    if chosen := environment.get(STATE_VARIABLE) or file.state_dir:
        return chosen
    base = environment.get("XDG_STATE_HOME") or _expanded("~/.local/state")
    return f"{base}/build-coordination"


def _resolve(path: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder / _expanded(path)))


def _optional_path(path: str | None, folder: Path) -> Path | None:
    return _resolve(path, folder) if path else None


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadConfiguration(
            f"{path[:100]}: unknown home folder. Set HOME, or write the full path."
        ) from error


def _resolve_remote(repository: str, folder: Path) -> str:
    """A URL unchanged; a path made absolute."""
    if not repository or "://" in repository or ":" in repository.partition("/")[0]:
        return repository
    return str(_resolve(repository, folder))
