from __future__ import annotations

import pytest

from common.yaml.document import parse_document
from pipelines.language.reading.insertion import NEW_FILE, with_pipeline

ENTRY = "new:\n  description: d\n"


def inserted(text: str) -> str:
    return with_pipeline(parse_document(text.encode(), "p.yaml"), text, ENTRY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pipelines:\n  a: 1\n", "pipelines:\n  a: 1\n\n  new:\n    description: d\n"),
        ("pipelines:\n    a: 1", "pipelines:\n    a: 1\n\n    new:\n      description: d\n"),
        ("pipelines: {}  # none\n", "pipelines:  # none\n  new:\n    description: d\n"),
        (
            "pipelines:\n  a:\n    x: |\n      text\n\n      more\n  # last\n# top\ninclude: [b]\n",
            "pipelines:\n  a:\n    x: |\n      text\n\n      more\n  # last\n\n"
            "  new:\n    description: d\n\n# top\ninclude: [b]\n",
        ),
    ],
)
def test_everything_else_stays(before: str, after: str) -> None:
    assert inserted(before) == after


def test_a_new_file() -> None:
    empty = NEW_FILE.replace("pipelines:", "pipelines: {}")
    assert inserted(empty).endswith("\npipelines:\n  new:\n    description: d\n")


def test_pipelines_in_braces_are_not_written_on() -> None:
    with pytest.raises(ValueError, match="in braces"):
        inserted("pipelines: {a: 1}\n")
