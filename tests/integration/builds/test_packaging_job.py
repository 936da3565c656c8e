"""Packaging as a whole job: `doit build` on a farm of one."""

from __future__ import annotations

from tests.conftest import Farm

PIPELINES = """
pipelines:
  ledger:
    description: packages of a source that can't become any
    source: {repository: ./source.git}
    steps:
      - uses: git-checkout
      - uses: preflight
      - {name: compile, run: "echo compiled >> $LEDGER"}
      - uses: build-deb
      - {uses: publish-status, when: always}
"""


def test_what_can_not_be_packaged_fails_before_it_is_compiled(farm: Farm) -> None:
    (farm.folder / "pipelines.yaml").write_text(PIPELINES)
    job = farm.enqueue()

    done = farm.doit("build", "--job", job)

    assert done.returncode == 1, done.stderr
    assert farm.ran() == []
    steps = farm.steps(job)
    assert steps["git-checkout"] == "succeeded"
    assert (steps["preflight"], steps["compile"]) == ("failed", "skipped")
    (end,) = [t for t in farm.transitions(job) if t["step"] == "preflight" and t["to"] == "failed"]
    assert end["reason"] == "the source has no debian/control"
