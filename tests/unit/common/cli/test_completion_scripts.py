"""What bash does with the words that complete a line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from common.cli.completion_scripts import BASH


def test_bash_runs_nothing_that_a_word_contains(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("job-1\njob-$(touch evil)\njob-`touch evil`\nother\n")
    script = (
        f"{BASH} doit() {{ cat words; }}; "
        "COMP_LINE='doit status job'; COMP_POINT=15; COMP_WORDS=(doit status job); COMP_CWORD=2; "
        "_doit_complete; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "-c", script], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["job-1", "job-$(touch evil)", "job-`touch evil`"]
    assert not (tmp_path / "evil").exists()
