from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.tasks.definitions.branch import _check_links


@pytest.mark.parametrize("target", ["/etc/hostname", "..", "../../x", "short/../x"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    below = tmp_path / "copy" / "a" / "b"
    below.mkdir(parents=True)
    (below / "inside.yaml").symlink_to("../other.yaml")
    (below / "loop.yaml").symlink_to("loop.yaml")
    (below / "short").symlink_to("../..")
    _check_links(tmp_path / "copy")
    (below.parent.parent / "theirs.yaml").symlink_to(
        target if target.startswith(("/", "..")) else f"a/b/{target}"
    )
    with pytest.raises(OSError, match=r"theirs\.yaml is a link out of the repository"):
        _check_links(tmp_path / "copy")
