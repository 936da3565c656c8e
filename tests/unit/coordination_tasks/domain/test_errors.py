from __future__ import annotations

import inspect

from coordination_tasks.domain import errors


def test_what_is_to_be_tried_again_has_no_other_remedy() -> None:
    """Else a person reads two different pieces of advice in one line."""
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    ours = [each for each in classes if issubclass(each, errors.CoordinationError)]
    retryable = [each for each in ours if each.retryable]
    assert errors.Unavailable in retryable
    assert not [each for each in retryable if each.remedy]
