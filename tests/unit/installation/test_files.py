from __future__ import annotations

import re

import pytest

from common.records import read_record, record
from common.yaml.document import parse_document
from coordination_tasks.builder.config.builder import BuilderFile
from installation.files import Choices, builder_file, unit_files

CHOICES = Choices(builder="no", repository='git@example.org:a "b".git', user="builder", manager="A")


def settings(text: str) -> BuilderFile:
    return read_record(record(BuilderFile), parse_document(text.encode(), "builder.yaml"))


def test_the_settings_are_those_that_were_chosen() -> None:
    found = settings(builder_file(CHOICES))
    assert (found.builder, found.coordination_repository) == (CHOICES.builder, CHOICES.repository)
    assert (found.manager, found.address, found.default_pipeline) == ("A", "", None)


def test_every_setting_in_a_comment_can_be_used() -> None:
    text = re.sub(r"^# (\w+: )", r"\1", builder_file(CHOICES), flags=re.MULTILINE)
    found = settings("\n".join(line for line in text.splitlines() if not line.startswith("bwrap")))
    assert (found.labels, found.parallel, found.address) == (
        {"fast": "yes"},
        2,
        "builder@build1.example.org",
    )


@pytest.mark.parametrize("unit", ["doit-work.service", "doit-clean.service"])
def test_a_unit_lets_builds_make_namespaces(unit: str) -> None:
    lines = unit_files("builder")[unit].splitlines()
    used = {line.partition("=")[0] for line in lines if re.match(r"[A-Z]\w+=", line)}
    assert {"ProtectSystem", "ProtectHome", "PrivateTmp", "CapabilityBoundingSet"} <= used
    # They cover parts of /proc, filter calls, or imply NoNewPrivileges (systemd.exec(5)).
    assert not used & {
        *("NoNewPrivileges", "DynamicUser", "LockPersonality", "MemoryDenyWriteExecute"),
        *("PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelLogs"),
        *("ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies"),
        *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        *("SystemCallArchitectures", "SystemCallFilter", "SystemCallLog", "ProtectProc"),
        *("ProcSubset", "PrivateUsers"),
    }
