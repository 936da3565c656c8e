"""What `doit doctor` finds of a builder's settings and of its own files."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from coordination_tasks.builder.config.builder import read_builder_config
from coordination_tasks.builder.doctor_checks import (
    check_builder,
    check_default_pipeline,
    check_outbox,
    check_path,
)
from coordination_tasks.builder.outbox.journal import Outbox
from coordination_tasks.domain.errors import AccessDenied
from coordination_tasks.domain.timestamps import utc_now


def test_an_outbox_that_can_be_read(tmp_path: Path) -> None:
    found = check_outbox(tmp_path / "outbox.sqlite")
    assert (found.ok, found.found) == (True, "0 records waiting, 0 refused")


@pytest.mark.parametrize("at", [0, 4096])
def test_a_damaged_outbox(tmp_path: Path, at: int) -> None:
    path = tmp_path / "outbox.sqlite"
    Outbox(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + b"\xff" * (len(whole) - at))

    found = check_outbox(path)

    assert not found.ok
    assert str(path) in found.found
    assert "Move the journal aside only if it is corrupt" in (found.remedy or "")


def test_a_default_pipeline_that_is_none() -> None:
    assert check_default_pipeline("sample", ["sample"]).ok
    found = check_default_pipeline("sampel", ["sample"])
    assert not found.ok
    assert "did you mean 'sample'?" in (found.remedy or "")


def test_a_state_folder_that_packaging_does_not_bear_is_a_hint() -> None:
    assert check_path(Path("/srv/b\u00e4u")).remedy is None
    found = check_path(Path("/srv/my builds"))
    assert found.ok
    assert found.remedy


def test_what_hinders_reading_the_repository_is_told_with_its_own_remedy(tmp_path: Path) -> None:
    environment = {"COORDINATION_REPOSITORY": "/nowhere", "BUILDER_STATE_DIR": str(tmp_path)}
    config = read_builder_config(tmp_path, environment, "b")
    config.state_dir.mkdir()
    store = Mock(snapshot=Mock(side_effect=AccessDenied("the key is not known")))

    *_, found = check_builder(config, store, [], utc_now())

    assert (found.found, found.remedy) == ("the key is not known", AccessDenied.remedy)
