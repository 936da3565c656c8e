"""The tests' doit is the forked one: what a library adds to the environment must not hinder it."""

from __future__ import annotations

import git  # noqa: F401 - adds to the environment

from tests.conftest import Farm
from tests.support.doit.forked_doit import doit_server, foreign


def test_a_farm_has_the_environment_of_the_server(farm: Farm) -> None:
    assert foreign(farm.environment) == doit_server().environment
    assert farm.doit("jobs").stdout == "the queue is empty\n"
