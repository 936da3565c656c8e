from __future__ import annotations

import threading

import pytest

from pipelines.domain.errors import StepCancelled
from pipelines.processes.cancellation import Cancellation


def test_a_wait_ends_as_soon_as_the_build_has_to() -> None:
    switch = Cancellation()
    thread = threading.Timer(0.1, switch.cancel, args=["ended by SIGTERM"])
    thread.start()
    with pytest.raises(StepCancelled, match="ended by SIGTERM"):
        switch.wait(3600)
    with pytest.raises(StepCancelled):
        switch.wait(3600)
    thread.join()
    switch.close()


def test_a_wait_that_nobody_ends() -> None:
    switch = Cancellation()
    switch.wait(0.01)
    assert switch.reason is None
    switch.close()
