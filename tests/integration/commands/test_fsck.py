"""`doit fsck`: what is wrong is named, with what to do."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from coordination_tasks.documents.paths import (
    archived_files_path,
    transitions_folder,
    transitions_path,
)
from tests.conftest import Farm, await_that, git, processes_of


def findings_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return list(json.loads(done.stdout)["findings"])


def test_a_broken_document_is_named_with_its_last_good_version(farm: Farm) -> None:
    farm.enqueue()
    good = git("-C", str(farm.coordination), "rev-parse", "main")
    torn = farm.read("coordination/jobs.json")[:-20]
    farm.write("coordination/jobs.json", torn)
    farm.write("coordination/messages.json", '{"messages": [7]}')

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    queue, message = findings_of(done)
    assert (queue["path"], queue["last_good"]) == ("coordination/jobs.json", good)
    assert "invalid JSON" in queue["problem"]
    command = queue["remedy"].partition(": ")[2]
    shown = subprocess.run(
        shlex.split(command), cwd="/", check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout)["jobs"]
    assert message["last_good"] is None
    assert "entry 1 is not an object" in message["problem"]
    assert farm.read("coordination/jobs.json").strip() == torn.strip()
    assert command in farm.doit("fsck").stdout


def test_jobs_that_wait_in_vain_are_told_each_with_a_remedy(farm: Farm) -> None:
    jobs = [
        {"id": "sound", "pipeline": "ledger", "status": "queued"},
        {"id": "strange", "pipeline": "no-such", "status": "queued"},
        {"id": "lonely", "pipeline": "ledger", "status": "queued", "dependencies": ["gone"]},
        {"id": "broken", "pipeline": "ledger", "status": "failed"},
        {"id": "late", "pipeline": "ledger", "status": "queued", "dependencies": ["broken"]},
        {"id": "one", "pipeline": "ledger", "status": "queued", "dependencies": ["two"]},
        {"id": "two", "pipeline": "ledger", "status": "queued", "dependencies": ["one"]},
        {"id": "held", "pipeline": "ledger", "status": "running", "assigned_to": "nobody7"},
    ]
    farm.write("coordination/jobs.json", json.dumps({"jobs": jobs}))

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    findings = findings_of(done)
    assert [finding["problem"].partition(": ")[2] for finding in findings] == [
        "queued job strange: unknown pipeline no-such",
        "queued job lonely waits for job gone, which does not exist",
        "queued job late waits for job broken, which is failed",
        "queued jobs wait for each other: one waits for two waits for one",
        "running job held is held by builder nobody7, which never published anything",
    ]
    assert all(finding["remedy"] for finding in findings)


def test_a_sound_repository_has_no_findings_after_a_build(farm: Farm) -> None:
    farm.enqueue()
    assert farm.doit("build").returncode == 0

    done = farm.doit("fsck")

    assert (done.returncode, done.stdout) == (0, "no problems found\n"), done.stderr


def test_illegal_and_unreadable_transitions_are_told(farm: Farm) -> None:
    job = farm.enqueue()
    farm.doit("build")
    [path] = [p for p in farm.files() if job in p and p.endswith("001.jsonl")]
    lines = farm.read(path).splitlines()
    ended = next(line for line in lines if '"second"' in line and '"succeeded"' in line)
    again = json.dumps(json.loads(ended) | {"id": "again"})
    farm.write(path, "\n".join([*lines, ended, again, "{torn"]))

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    torn, *moves = [finding["problem"] for finding in findings_of(done)]
    assert torn.startswith(f"{path}: line {len(lines) + 3}: ")
    assert moves == [
        f"{path}: transition {json.loads(ended)['id']} is recorded twice",
        f"{path}: step second was succeeded, but a transition starts at running",
    ]


def test_an_outbox_that_is_ahead_of_a_rewound_main_is_told(farm: Farm) -> None:
    away = farm.folder / "away"
    farm.without_sandbox()
    farm.second(f"mv {farm.coordination} {away}")
    job = farm.enqueue()
    before = git("-C", str(farm.coordination), "rev-parse", "main")
    farm.doit("build")
    away.rename(farm.coordination)
    assert "no problems found" in farm.doit("fsck").stdout
    git("-C", str(farm.coordination), "update-ref", "refs/heads/main", before)

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    rewound, *findings = findings_of(done)
    assert rewound["path"] == "main"
    assert f"job {job} went back from fencing token 1 to 0" in rewound["problem"]
    assert "`doit recover --from-clone` shows them" in rewound["remedy"]
    assert {finding["path"] for finding in findings} == {"outbox"}
    assert all(
        f"of job {job} attempt 1 waits with fencing token 1" in f["problem"] for f in findings
    )
    assert all(f["problem"].endswith("has 0: main was reset to an older state") for f in findings)
    assert all("have the lost commits pushed again" in f["remedy"] for f in findings)


def test_illegal_transitions_of_an_archived_attempt_are_told_where_they_are(farm: Farm) -> None:
    over = {"id": "old", "pipeline": "ledger", "status": "completed", "completed_at": "2025-01-01"}
    moves = [{"id": "x", "job": "old", "attempt": 1, "token": 1, "builder": "b", "step": "second"}]
    moves[0] |= {"from": "succeeded", "to": "running", "at": "2025-01-01T00:00:00Z", "reason": ""}
    place = transitions_path("old", 1)
    farm.write("coordination/jobs.json", json.dumps({"jobs": [over]}))
    farm.write(place, "\n".join(map(json.dumps, moves)))
    farm.doit("housekeeping")
    farm.write("coordination/jobs.json", json.dumps({"jobs": [over | {"status": "queued"}]}))

    findings = findings_of(farm.doit("fsck", "--json"))

    assert findings, "it is told"
    assert {finding["path"] for finding in findings} == {
        archived_files_path("2025-01", transitions_folder("old"), 1)
    }


def git_processes(folder: Path) -> list[str]:
    names = [str(process.info["name"]) for process in processes_of(folder)]
    return [name for name in names if name.startswith("git")]


def test_repair_does_what_is_safe_and_says_what_it_left(farm: Farm) -> None:
    farm.second("echo began >> $LEDGER; exec sleep 1000")
    job = farm.enqueue()
    build = farm.start("build")
    await_that(lambda: "began" in farm.ran(), "the second step begins")
    build.kill()
    build.wait()
    # a push that it had begun can land later
    await_that(lambda: not git_processes(farm.folder), "git of the killed build ends")
    [head] = (farm.folder / "state/build1/coordination").glob("*/clone-*/HEAD")
    lock = head.parent / "config.lock"
    lock.touch()
    over = {"locked_by": "build9", "expires_at": "2025-01-01T00:00:00Z"}
    farm.write("coordination/locks.json", json.dumps({"locks": {"config_update": over}}))
    farm.write("shared/odd.json", "{torn")
    before = farm.doit("fsck", "--json")
    assert before.returncode == 6, before.stderr
    held = f"running job {job} is held by a killed build of this builder"
    assert held in [f["problem"].partition(": ")[2] for f in findings_of(before)]
    assert lock.exists(), "nothing is changed"

    done = farm.doit("fsck", "--repair", "--as", "eve", "--json")

    assert done.returncode == 6, done.stderr
    told = json.loads(done.stdout)
    assert [finding["path"] for finding in told["findings"]] == ["shared/odd.json"]
    assert [line for line in told["repaired"] if "outbox: sent" not in line] == [
        f"{lock}: removed (no git uses that clone)",
        f"job {job} of a killed build was queued again",
        "released expired lock config_update held by build9",
    ]
    assert not lock.exists()
    assert farm.job(job)["status"] == "queued"
    killed = "doit build was killed on this builder, requested by eve"
    assert killed in farm.doit("status", job).stdout
    newest = git("-C", str(farm.coordination), "log", "-2", "--format=%(trailers)", "main")
    assert newest.split("\n\n") == ["Acting-Human: eve", "Acting-Human: eve"]
    assert farm.read("shared/odd.json") == "{torn"
    farm.remove("shared/odd.json")
    assert farm.doit("fsck", "--repair").stdout == "no problems found\n"


def test_nothing_is_wrong_with_an_empty_repository(farm: Farm) -> None:
    done = farm.doit("fsck", "--repair")

    assert (done.returncode, done.stdout) == (0, "no problems found\n"), done.stderr


def test_a_main_that_was_rewound_to_a_queue_that_cannot_be_read(farm: Farm) -> None:
    farm.write("coordination/jobs.json", "{")
    broken = git("-C", str(farm.coordination), "rev-parse", "main")
    farm.write("coordination/jobs.json", '{"jobs": []}')
    farm.enqueue()
    git("-C", str(farm.coordination), "update-ref", "refs/heads/main", broken)

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    rewound, queue = findings_of(done)
    assert rewound["path"] == "main"
    assert "its queue is unreadable (coordination/jobs.json:1:2: invalid JSON" in rewound["problem"]
    assert queue["path"] == "coordination/jobs.json"
