"""What the guides for developers name is there: paths, rooms, tests, keys."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from common.states import State
from coordination_tasks.documents.codec import job_members, transition_line
from coordination_tasks.domain.model import Job, Transition
from coordination_tasks.domain.timestamps import utc_now
from pipelines.domain.errors import FailureCode
from tests.conftest import HOME, git

ARCHITECTURE = HOME / "ARCHITECTURE.md"
GUIDES = [ARCHITECTURE, HOME / "CONTRIBUTING.md", HOME / "README.md"]
SHORT = {"ct/": "coordination_tasks/"}
"""Abbreviations of ARCHITECTURE.md, section 4."""
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"[\w./-]+")
_TEST = re.compile(r"([\w./-]*)::(test_\w+)")
_LONGEST_SECTION = 80


@cache
def tracked() -> frozenset[str]:
    """Files of the repository, and their folders with a slash at the end."""
    listed = git("-C", str(HOME), "ls-files", "--cached", "--others", "--exclude-standard")
    files = {name for name in listed.splitlines() if (HOME / name).exists()}
    return frozenset({*files, *(f"{p}/" for name in files for p in Path(name).parents)})


def spans(guide: Path) -> list[str]:
    found = _SPAN.findall(_FENCED.sub("", guide.read_text()))
    short = {
        span: name for span in found for begin, name in SHORT.items() if span.startswith(begin)
    }
    return [short[s] + s.partition("/")[2] if s in short else s for s in found]


def is_ours(span: str) -> bool:
    """Whether it can only be a path of this repository: `store/`, `watch.py`, `docs/maven.md`."""
    if not _PATH.fullmatch(span) or span.startswith(("/", ".", "coordination/")):
        return False
    top, slash, _ = span.partition("/")
    return span.endswith(("/", ".py")) or top + slash in tracked()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_each_path_is_there(guide: Path) -> None:
    named = [span for span in spans(guide) if is_ours(span)]
    assert len(named) > 9
    there = {f"/{name}" for name in tracked()}
    ends = {span: (f"/{span}", f"/{span}/") for span in named}
    wrong = [span for span, end in ends.items() if not any(name.endswith(end) for name in there)]
    assert not wrong, f"{guide.name} names what is not there"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_each_test_is_there(guide: Path) -> None:
    file = ""
    for span in spans(guide):
        if found := _TEST.fullmatch(span):
            file = found[1] or file
            assert f"def {found[2]}(" in (HOME / file).read_text(), span


def test_each_room_has_its_line() -> None:
    text = ARCHITECTURE.read_text()
    for package in ("coordination_tasks", "pipelines"):
        for room in (HOME / package).iterdir():
            if (room / "__init__.py").exists():
                assert f"| `{room.relative_to(HOME)}/` |" in text
                inner = [p.name for p in room.iterdir() if (p / "__init__.py").exists()]
                missing = [name for name in inner if f"`{name}/`" not in text]
                assert not missing, f"rooms of {room.name}: {missing}"


def test_a_section_fits_on_a_page() -> None:
    sections = ARCHITECTURE.read_text().split("\n## ")[1:]
    assert [section.partition(".")[0] for section in sections] == [str(n) for n in range(1, 11)]
    assert max(section.count("\n") for section in sections) <= _LONGEST_SECTION


def test_each_key_that_we_write_is_specified() -> None:
    text = ARCHITECTURE.read_text()
    section = text[text.index("## 6.") : text.index("## 7.")]
    moved = Transition(
        id="t", job="j", attempt=1, token=1, builder="b", step=None, at=utc_now(), reason="",
        from_state=State.QUEUED, to_state=State.CANCELLED, details={"code": "X"},
    )  # fmt: skip
    keys = {*job_members(Job(id="j", state=State.CANCELLED, duration_seconds=1.0))}
    keys |= set(re.findall(r'"(\w+)": ', transition_line(moved))) - {"code"}
    assert not {key for key in keys if f"`{key}`" not in section}


def test_each_failure_code_is_explained() -> None:
    text = ARCHITECTURE.read_text()
    assert not [code for code in FailureCode if f"`{code.value}`" not in text]
