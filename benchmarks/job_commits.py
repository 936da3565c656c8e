"""The commits of one job on main: a real `doit build` of six steps on a farm of one builder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.remotes import commits_on_main
from tests.conftest import Farm


def measure(folder: Path, seconds: int) -> dict[str, Any]:
    """Commits of a job whose three middle steps take `seconds` each; with its enqueuing."""
    (folder / "farm").mkdir()
    farm = Farm(folder / "farm")
    farm.set_up()
    farm.pipeline(
        "".join(f"- {{name: {name}, run: sleep {seconds}}}\n" for name in ("a", "b", "c"))
        + "- {uses: artifact-manifest, with: {paths: [hello]}}\n"
    )
    try:
        job_id = farm.enqueue()
        before = commits_on_main(farm.coordination)
        done = farm.doit("build")
        assert done.returncode == 0, done.stdout + done.stderr
        return {
            "steps": len(farm.steps(job_id)),
            "step_transitions": len([t for t in farm.transitions(job_id) if t["step"]]),
            "commits": commits_on_main(farm.coordination) - before + 1,
        }
    finally:
        farm.end_all()
