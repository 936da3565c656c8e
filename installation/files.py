"""The files of a builder: where they are, and their texts. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass

CODE = "/srv/build-coordination"
VERSIONS = f"{CODE}/versions"
CURRENT = f"{CODE}/current"
COMMAND = f"{CODE}/doit"
CONFIG = "/etc/build-coordination"
BUILDER_FILE = f"{CONFIG}/builder.yaml"
PIPELINES_FILE = f"{CONFIG}/pipelines.yaml"
CHOICES_FILE = f"{CONFIG}/installation.json"
HOME = "/var/lib/build-coordination"
STATE = f"{HOME}/state"
SSH = f"{HOME}/.ssh"
UNITS = "/etc/systemd/system"
WORK = "doit-work.service"
CLEANING = "doit-clean.service"
CLEANING_TIMER = "doit-clean.timer"
STARTED = (WORK, CLEANING_TIMER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What an operator chose; kept for the next call."""

    builder: str
    repository: str
    user: str
    default_pipeline: str = ""
    manager: str = ""
    address: str = ""


def builder_file(choices: Choices) -> str:
    """`builder.yaml` with what most builders set, and the rest as comments."""
    return f"""\
# The settings of this builder. docs/configuration.md describes every key, and
# `doit doctor` checks them.

# Its name in the farm: no other builder may have it.
builder: {json.dumps(choices.builder)}
# Who runs it; people see this in `doit status`.
{_setting("manager", choices.manager, "Ann")}
# Where other builders and `doit fetch` reach it with ssh.
{_setting("address", choices.address, f"{choices.user}@build1.example.org")}

# What the farm shares: queue, claims, results.
coordination_repository: {json.dumps(choices.repository)}
# Workspaces, mirrors, downloads, and records that are not sent yet. Needs 10 GiB or more.
state_dir: {STATE}
# What this builder may run. `doit validate` checks the file.
pipelines_file: {PIPELINES_FILE}
# The pipeline of jobs that name none, as older programs write them.
{_setting("default_pipeline", choices.default_pipeline, "cloudstack")}

# What jobs may require, besides the detected arch, distro and jdk.
# labels: {{fast: "yes"}}
# Environment of all steps.
# env: {{MAVEN_OPTS: -Xmx4g}}
# Steps of one job that run in parallel, if they do not need each other.
# parallel: 2
# With less free space no job is claimed.
# min_free: 2G
# Secrets that pipelines name: a YAML file `NAME: value`, mode 600, owned by {choices.user}.
# secrets_file: {HOME}/secrets.yaml
# bwrap: steps fail where no sandbox can be made. Without it they run unprotected there.
sandbox: bwrap
"""


def _setting(key: str, value: str, example: str) -> str:
    return f"{key}: {json.dumps(value)}" if value else f"# {key}: {example}"


def command_file(user: str) -> str:
    """A `doit` for people: as the builder's user, with its settings and its version."""
    return f"""\
#!/bin/sh
# doit as this builder runs it: {COMMAND} status
set -eu
cd {CURRENT}
export BUILDER_CONFIG={BUILDER_FILE}
[ "$(id -un)" != {user} ] || exec .venv/bin/doit "$@"
[ "$(id -u)" = 0 ] || {{ echo "doit: run this as root or as {user}." >&2; exit 3; }}
# Without the variables of the caller, as systemd starts it.
exec runuser -u {user} -- env -i HOME={HOME} USER={user} LOGNAME={user} LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${{TERM:-dumb}}" \
    BUILDER_CONFIG="$BUILDER_CONFIG" ACTING_PERSON="${{ACTING_PERSON:-${{SUDO_USER:-root}}}}" \
    .venv/bin/doit "$@"
"""


def unit_files(user: str) -> dict[str, str]:
    """The systemd units by name."""
    return {
        WORK: _WORK.format(user=user, sandbox=_SANDBOX),
        CLEANING: _CLEANING.format(user=user, sandbox=_SANDBOX),
        CLEANING_TIMER: _CLEANING_TIMER,
    }


_SANDBOX = f"""\
# The unit sees the system read-only, and no home folder but its own.
ProtectSystem=strict
ReadWritePaths={HOME} /run/lock
ProtectHome=yes
PrivateTmp=yes
DevicePolicy=closed
KeyringMode=private
RemoveIPC=yes
# Builds make namespaces: bubblewrap around each step, mmdebstrap for a clean root.
# So these stay off:
# - ProtectKernelTunables, ProtectKernelLogs, ProtectProc, ProcSubset, ProtectHostname: they
#   cover parts of /proc, and then the kernel refuses a new /proc in a namespace of a user.
# - RestrictNamespaces, and filters of the calls that mount.
# - NoNewPrivileges, and all that imply it: newuidmap, which gives a clean root its users, is
#   setuid. It needs these capabilities; no program of this unit can get others.
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_DAC_OVERRIDE CAP_SYS_ADMIN
"""

_WORK = f"""\
# Written by scripts/install-builder; put changes into {WORK}.d/local.conf (`systemctl edit`).
[Unit]
Description=Builds jobs of the farm, one after another
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
User={{user}}
WorkingDirectory={CURRENT}
Environment=BUILDER_CONFIG={BUILDER_FILE} LANG=C.UTF-8
ExecStart={CURRENT}/.venv/bin/doit work
Restart=always
RestartSec=10s
RestartPreventExitStatus=3
WatchdogSec=30min
KillMode=mixed
TimeoutStopSec=2min
# `memory` and `cpus` of steps need control groups of their own; so no ProtectControlGroups.
Delegate=yes
{{sandbox}}
[Install]
WantedBy=multi-user.target
"""

_CLEANING = f"""\
# Written by scripts/install-builder.
[Unit]
Description=Removes what exceeds the limits of the builder's disk

[Service]
Type=oneshot
User={{user}}
WorkingDirectory={CURRENT}
Environment=BUILDER_CONFIG={BUILDER_FILE} LANG=C.UTF-8
ExecStart={CURRENT}/.venv/bin/doit clean-workspaces --remove
{{sandbox}}"""

_CLEANING_TIMER = """\
# Written by scripts/install-builder.
[Unit]
Description=Removes what exceeds the limits of the builder's disk, every night

[Timer]
OnCalendar=*-*-* 04:15:00
RandomizedDelaySec=30min
Persistent=yes

[Install]
WantedBy=timers.target
"""
