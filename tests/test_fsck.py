"""`doit fsck`: what is wrong is named, with what to do."""

from __future__ import annotations

import json
import shlex
import subprocess

from coordination_tasks.paths import transitions_path
from tests.conftest import Farm, git


def test_a_broken_document_is_named_with_its_last_good_version(farm: Farm) -> None:
    farm.enqueue()
    good = git("-C", str(farm.coordination), "rev-parse", "main")
    torn = farm.read("coordination/jobs.json")[:-20]
    farm.write("coordination/jobs.json", torn)
    farm.write("coordination/messages.json", '{"messages": [7]}')

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    queue, message = json.loads(done.stdout)
    assert (queue["path"], queue["last_good"]) == ("coordination/jobs.json", good)
    assert "no valid JSON" in queue["problem"]
    command = queue["remedy"].partition(": ")[2]
    shown = subprocess.run(
        shlex.split(command), cwd="/", check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout)["jobs"]
    assert message["last_good"] is None
    assert "entry 1 is no object" in message["problem"]
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
    findings = json.loads(done.stdout)
    assert [finding["problem"].partition(": ")[2] for finding in findings] == [
        "queued job strange has the pipeline no-such, which is not known here",
        "queued job lonely waits for job gone, which is not there",
        "queued job late waits for job broken, which is failed",
        "running job held is held by builder nobody7, which never told of itself",
        "queued jobs wait for each other: one waits for two waits for one",
    ]
    assert all(finding["remedy"] for finding in findings)


def test_a_sound_repository_has_no_findings_after_a_build(farm: Farm) -> None:
    farm.enqueue()
    assert farm.doit("build").returncode == 0

    done = farm.doit("fsck")

    assert (done.returncode, done.stdout) == (0, "nothing is wrong\n"), done.stderr


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
    torn, *moves = [finding["problem"] for finding in json.loads(done.stdout)]
    assert torn.startswith(f"{path}: line {len(lines) + 3}: ")
    assert moves == [
        f"{path}: transition {json.loads(ended)['id']} is recorded twice",
        f"{path}: step second was succeeded, but goes from running",
    ]


def test_an_outbox_that_is_ahead_of_a_rewound_main_is_told(farm: Farm) -> None:
    away = farm.folder / "away"
    farm.second(f"mv {farm.coordination} {away}")
    job = farm.enqueue()
    before = git("-C", str(farm.coordination), "rev-parse", "main")
    farm.doit("build")
    away.rename(farm.coordination)
    assert "nothing is wrong" in farm.doit("fsck").stdout
    git("-C", str(farm.coordination), "update-ref", "refs/heads/main", before)

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    rewound, *findings = json.loads(done.stdout)
    assert rewound["path"] == "main"
    assert f"job {job} is back at fencing token 0, was at 1" in rewound["problem"]
    assert "push them back" in rewound["remedy"]
    assert {finding["path"] for finding in findings} == {"outbox"}
    assert all(f"of job {job} attempt 1 waits with token 1" in f["problem"] for f in findings)
    assert all(f["problem"].endswith("has 0: main was rewound") for f in findings)
    assert all("push the lost commits again" in f["remedy"] for f in findings)


def test_manifests_are_there_and_whole(farm: Farm) -> None:
    built = [farm.enqueue(), farm.enqueue(), farm.enqueue()]
    for _ in built:
        assert farm.doit("build").returncode == 0
    gone, torn, other = (f"build1/logs/{job}-1-manifest.json" for job in built)
    farm.write(other, farm.read(other).replace('"artifact_count": 1', '"artifact_count": 2'))
    farm.write(torn, farm.read(torn)[:-20])
    farm.remove(gone)

    done = farm.doit("fsck", "--json")

    assert done.returncode == 6, done.stderr
    findings = json.loads(done.stdout)
    assert [finding["path"] for finding in findings] == [gone, torn, other]
    assert findings[0]["problem"] == f"{gone}: the manifest is not there"
    assert "no valid JSON" in findings[1]["problem"]
    assert findings[2]["problem"].endswith("is not the one that the attempt ended with")
    assert all(f"doit build --job {j}" in f["remedy"] for j, f in zip(built, findings, strict=True))


def test_illegal_transitions_of_an_archived_attempt_are_told_where_they_are(farm: Farm) -> None:
    over = {"id": "old", "pipeline": "ledger", "status": "completed", "completed_at": "2025-01-01"}
    moves = [{"id": "x", "job": "old", "attempt": 1, "token": 1, "builder": "b", "step": "second"}]
    moves[0] |= {"from": "succeeded", "to": "running", "at": "2025-01-01T00:00:00Z", "reason": ""}
    place = transitions_path("old", 1)
    farm.write("coordination/jobs.json", json.dumps({"jobs": [over]}))
    farm.write(place, "\n".join(map(json.dumps, moves)))
    farm.doit("housekeeping")
    farm.write("coordination/jobs.json", json.dumps({"jobs": [over | {"status": "queued"}]}))

    findings = json.loads(farm.doit("fsck", "--json").stdout)

    assert findings, "it is told"
    assert {finding["path"] for finding in findings} == {transitions_path("old", 1, "2025-01")}


def build_without_remote(farm: Farm) -> str:
    """A job whose transitions all wait in the outbox; the remote is there again."""
    away = farm.folder / "away"
    farm.second(f"mv {farm.coordination} {away}")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    away.rename(farm.coordination)
    return job


def change_job(farm: Farm, job: str, **members: object) -> None:
    queue = json.loads(farm.read("coordination/jobs.json"))
    for entry in queue["jobs"]:
        entry.update(members if entry["id"] == job else {})
    farm.write("coordination/jobs.json", json.dumps(queue))


def problems(farm: Farm) -> list[str]:
    done = farm.doit("fsck", "--json")
    assert done.returncode == 6, done.stderr
    return [finding["problem"] for finding in json.loads(done.stdout)]


def test_entries_whose_job_is_gone_are_told_before_and_after_they_are_refused(farm: Farm) -> None:
    job = build_without_remote(farm)
    change_job(farm, job, id="another", status="queued")

    assert all(p.endswith("attempt 1 waits, but the job is not there") for p in problems(farm))
    farm.doit("outbox", "--send")
    assert all(f"was refused: job {job} is no longer in the queue" in p for p in problems(farm))


def test_entries_with_an_old_token_are_told(farm: Farm) -> None:
    job = build_without_remote(farm)
    change_job(farm, job, token=2, status="queued", assigned_to=None)

    assert all(p.endswith("waits with token 1, but the job has 2") for p in problems(farm))


def test_entries_that_are_recorded_already_are_told(farm: Farm) -> None:
    build_without_remote(farm)
    journal = farm.folder / "state/build1/outbox.sqlite"
    kept = journal.read_bytes()
    assert farm.doit("outbox", "--send").returncode == 0
    journal.write_bytes(kept)

    told = problems(farm)

    assert told
    assert all(problem.endswith("waits, but is recorded already") for problem in told)
