from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from pipelines.workspace.removal import discard

ROOT = Path(__file__).parents[4]


def test_the_folder_and_older_remains_are_gone(tmp_path: Path) -> None:
    folder, graveyard = tmp_path / "tree", tmp_path / "graveyard"
    (folder / "a" / "b").mkdir(parents=True)
    (graveyard / "left by a kill").mkdir(parents=True)
    discard(folder, graveyard)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_removed_not_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "dangling").symlink_to("nowhere")
    discard(tmp_path / "link", tmp_path / "graveyard")
    discard(tmp_path / "dangling", tmp_path / "graveyard")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_nothing_to_discard(tmp_path: Path) -> None:
    discard(tmp_path / "tree", tmp_path / "graveyard")
    assert list(tmp_path.iterdir()) == []


def test_read_only_folders_for_an_ordinary_user() -> None:
    """Root is not stopped by modes, so root becomes somebody else for this."""
    program = """
import os, sys
from pathlib import Path
from pipelines.workspace.removal import discard
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
root = Path(sys.argv[1])
(root / "tree" / "a" / "b").mkdir(parents=True)
(root / "tree" / "a" / "b" / "file").touch()
(root / "tree" / "a" / "b").chmod(0o555)
(root / "tree" / "a").chmod(0o555)
discard(root / "tree", root / "graveyard")
print(list(root.iterdir()))
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        result = subprocess.run(
            [sys.executable, "-c", program, folder],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (result.stdout, result.stderr) == ("[]\n", "")
