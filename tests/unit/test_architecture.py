"""Limits of size for the rooms of ARCHITECTURE.md; their imports are checked by lint-imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import HOME

PACKAGES = ("common", "coordination_tasks", "installation", "pipelines", "tests")
FILES = [HOME / "dodo.py", *(p for name in PACKAGES for p in sorted((HOME / name).rglob("*.py")))]
FOLDERS = sorted({folder for path in FILES for folder in (path.parent,) if folder != HOME})
ENTRIES, LINES, FUNCTION_LINES = 12, 400, 60


def name_of(path: Path) -> str:
    return str(path.relative_to(HOME))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_fits_at_a_glance(folder: Path) -> None:
    ignored = {"__init__.py", "__pycache__"}
    entries = sorted(entry.name for entry in folder.iterdir() if entry.name not in ignored)
    assert len(entries) <= ENTRIES, f"split this room: {entries}"


@pytest.mark.parametrize("folder", [f for f in FOLDERS if "tests" not in f.parts], ids=name_of)
def test_a_room_says_what_belongs_in_it_and_nothing_else(folder: Path) -> None:
    body = ast.parse((folder / "__init__.py").read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr), "a docstring, no code"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_has_one_purpose(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_dodo_is_a_table_of_contents() -> None:
    text = (HOME / "dodo.py").read_text()
    assert len(text.splitlines()) < 70
    calls = {"open", "read_pipelines", "read_builder_config"}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert not names & calls, "no I/O when dodo.py is imported"
