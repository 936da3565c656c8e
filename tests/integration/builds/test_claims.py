"""Which job `doit build` takes: labels that the machine has, labels that its owner gives, order."""

from __future__ import annotations

import json
import platform

from tests.conftest import Farm


def pushes(farm: Farm) -> str:
    return (farm.folder / "state" / "build1" / "pushes.json").read_text()


def test_labels_priority_and_dependencies_decide_what_is_built(farm: Farm) -> None:
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text() + "labels: {fast-disk: '', jdk: '3'}\n")
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    gpu = farm.enqueue("--id", "gpu", "--label", "gpu", "--priority", "1")
    other_jdk = farm.enqueue("--id", "jdk", "--label", "jdk=17", "--priority", "1")
    first = farm.enqueue(
        "--id", "first", "--label", f"distro={codename}", "--label", "fast-disk", "--label", "arch"
    )
    after = farm.enqueue("--id", "after", "--after", first, "--label", "jdk=3", "--priority", "2")

    for job in (first, after):
        done = farm.doit("build")
        assert done.returncode == 0, done.stdout + done.stderr
        assert farm.job(job)["status"] == "completed"
    done = farm.doit("build")

    assert done.returncode == 4
    assert "2 jobs are queued, but none matches this builder" in done.stderr
    assert "gpu: missing label gpu" in done.stderr
    before = pushes(farm)
    assert farm.doit("build").returncode == 4
    assert pushes(farm) == before, "a builder that finds nothing pushes nothing"
    assert [farm.job(job)["status"] for job in (gpu, other_jdk)] == ["queued", "queued"]
    labels = json.loads(farm.read("build1/status.json"))["labels"]
    assert labels["jdk"] == "3"
    assert codename in labels["distro"]
