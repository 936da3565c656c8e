"""`doit outbox`: what waits while the remote is gone, and what was refused."""

from __future__ import annotations

import json

from tests.conftest import Farm


def test_what_waits_is_shown_and_sent_later(farm: Farm) -> None:
    away = farm.folder / "away"
    farm.without_sandbox()
    farm.second(f"mv {farm.coordination} {away}")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0

    shown = json.loads(farm.doit("outbox", "--json").stdout)
    assert [entry["job"] for entry in shown["pending"]] == [job] * len(shown["pending"])
    assert shown["pending"][-1]["what"] == "job succeeded"
    assert shown["refused"] == []
    assert "job succeeded" in farm.doit("outbox").stdout
    gone = farm.doit("outbox", "--send")
    assert gone.returncode == 1
    assert "cannot reach" in gone.stderr
    assert gone.stderr.endswith(
        "; they are in the outbox and will be sent when the remote answers again.\n"
    )
    away.rename(farm.coordination)
    sent = farm.doit("outbox", "--send")
    assert sent.stdout == "the outbox is empty\n"
    assert f"{len(shown['pending'])} sent, 0 refused" in sent.stderr
    assert farm.job(job)["status"] == "completed"


def test_what_was_refused_is_kept_until_somebody_decides(farm: Farm) -> None:
    away = farm.folder / "away"
    farm.without_sandbox()
    farm.second(f"mv {farm.coordination} {away}")
    job = farm.enqueue()
    farm.doit("build")
    away.rename(farm.coordination)
    queue = json.loads(farm.read("coordination/jobs.json"))
    queue["jobs"] = []
    farm.write("coordination/jobs.json", json.dumps(queue))

    farm.doit("outbox", "--send")

    [*_, last] = json.loads(farm.doit("outbox", "--json").stdout)["refused"]
    assert f"job {job} is no longer in the queue" in last["refused"]
    assert last["id"] in farm.doit("outbox").stdout
    retried = json.loads(farm.doit("outbox", "--json", "--retry", last["id"]).stdout)
    assert [entry["id"] for entry in retried["pending"]] == [last["id"]]
    not_refused = farm.doit("outbox", "--drop", last["id"])
    assert not_refused.returncode == 3
    assert f"unknown refused entry '{last['id']}'" in not_refused.stderr
    farm.doit("outbox", "--send")
    dropped = json.loads(farm.doit("outbox", "--json", "--drop", last["id"]).stdout)
    assert last["id"] not in {entry["id"] for entry in dropped["refused"] + dropped["pending"]}


def test_a_remote_that_takes_nothing_any_more_loses_nothing(farm: Farm) -> None:
    hook = farm.coordination / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    refuse = f"printf '#!/bin/sh\\necho frozen >&2; exit 1\\n' > {hook}; chmod +x {hook}"
    farm.without_sandbox()
    farm.second(refuse)
    job = farm.enqueue()

    done = farm.doit("build")

    assert done.returncode == 1, done.stdout
    assert f"job {job} ended as succeeded, but this is not recorded" in done.stderr
    assert "remote: frozen" in done.stderr
    assert "`doit outbox` shows it. Send it again with --send" in done.stderr
    waits = json.loads(farm.doit("outbox", "--json").stdout)
    assert (waits["pending"][-1]["what"], waits["refused"]) == ("job succeeded", [])
    hook.unlink()
    assert farm.doit("outbox", "--send").returncode == 0
    assert farm.job(job)["status"] == "completed"
    assert set(farm.steps(job).values()) == {"succeeded"}


def test_a_job_whose_end_alone_is_refused_is_no_success_and_stops_no_builder(farm: Farm) -> None:
    """All records go with the end, so that it shows which one is at fault."""
    config = farm.folder / "builder.yaml"
    config.write_text(config.read_text().replace("flush_every: 1s", "flush_every: 1h"))
    hook = farm.coordination / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\nread old new ref\n"
        "git ls-tree -r --name-only $new | grep -q manifest.json || exit 0\n"
        "echo no manifests; exit 1\n"
    )
    hook.chmod(0o755)
    job = farm.enqueue()

    refused = farm.doit("build")

    assert refused.returncode == 1
    assert f"job {job} ended as succeeded, but this is not recorded" in refused.stderr
    assert "no manifests" in refused.stderr
    assert f"job {job} succeeded" not in refused.stdout
    assert farm.job(job)["status"] == "running"
    hook.unlink()
    again = farm.doit("build")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"job {job} of a killed build was queued again" in again.stdout
    assert farm.job(job)["status"] == "completed"
    assert farm.ran() == ["first", "second", "third"]
    reasons = [t["reason"] for t in farm.transitions(job) if t["to"] == "cancelled"]
    assert "the store refused its result" in reasons[-1]
    assert "no manifests" in reasons[-1]
