"""`doit serve`: pages and documents of a farm that changes, acts with a token, nothing without."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import PATIENCE, Farm, await_that, git
from tests.support.doit.served import BOB, TOKEN, Served, serve

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def served(farm: Farm) -> Iterator[Served]:
    with serve(farm) as found:
        yield found


def post_act(served: Served, act: str, values: Mapping[str, str], token: str = TOKEN) -> str:
    request = urllib.request.Request(
        f"{served.url}api/acts/{act}",
        json.dumps(values).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(json.load(answer)["done"])


def refused(
    served: Served, path: str, data: bytes | None = None, **headers: str
) -> tuple[int, str]:
    request = urllib.request.Request(served.url + path, data, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=PATIENCE)
    return caught.value.code, caught.value.read().decode()


def test_pages_documents_feed_and_badge_follow_the_farm(farm: Farm, served: Served) -> None:
    assert "No job waits" in served.get("")
    job = farm.enqueue()
    await_that(lambda: job in served.get("queue.html"), "the new job is on the page")
    assert farm.doit("build").returncode == 0
    await_that(lambda: job in served.get("jobs.html"), "the job has ended on the page")
    await_that(lambda: "made.txt" in served.get(f"jobs/{job}.html"), "its artifacts are shown")
    page = served.get(f"jobs/{job}.html")
    assert f"{job}/logs/first.html" in page

    shown = json.loads(served.get(f"api/jobs/{job}"))
    told = json.loads(farm.doit("status", job, "--json").stdout)
    told.pop("at")
    assert shown == told
    assert [each["id"] for each in json.loads(served.get("api/jobs?state=succeeded"))] == [job]
    assert json.loads(served.get("api/farm")).keys() == {"at", "builders", "jobs"}
    assert json.loads(served.get("healthz"))["status"] == "ok"
    assert "farm_reachable 1.0" in served.get("metrics")
    paths = json.loads(served.get("api/openapi.json"))["paths"]
    assert {"/api/farm", "/api/jobs", "/api/acts/cancel", "/api/acts/enqueue"} <= paths.keys()

    feed = ET.fromstring(served.get("feed.atom"))
    assert [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")] == [
        f"{job}: succeeded"
    ]
    assert "ledger main: succeeded" in served.get("badges/ledger/main.svg")
    assert "ledger other: not built" in served.get("badges/ledger/other.svg")

    past = served.get("queue.html?at=" + urllib.parse.quote(first_commit_with(farm, job)))
    assert "not as it is now" in past
    assert job in past


def first_commit_with(farm: Farm, job: str) -> str:
    found = git(
        "-C", str(farm.coordination), "log", "--reverse", "--format=%H", f"-S{job}", "main", "--",
        "coordination/jobs.json",
    )  # fmt: skip
    return found.split()[0]


def test_logs_have_lines_to_link_to_and_are_searched(farm: Farm, served: Served) -> None:
    farm.second("printf '\\\\033[31mred <b>\\\\033[0m\\\\n'; seq 6000")
    job = farm.enqueue()
    assert farm.doit("build").returncode == 0
    await_that(lambda: job in served.get("jobs.html"), "the job has ended on the page")
    log = f"jobs/{job}/logs/second.html"
    last = served.get(log)
    assert 'id="L6001"' in last
    assert 'id="L2"' not in last
    first = served.get(f"{log}?first=1")
    assert '<span class="red">red &lt;b&gt;</span>' in first
    assert "Later lines" in first
    found = served.get(f"{log}?find=599")
    shown = re.findall(r'id="L(\d+)".*<span>(\d+)</span>', found)
    assert [text for _, text in shown] == [str(n) for n in range(6001) if "599" in str(n)]
    assert len({int(number) - int(text) for number, text in shown}) == 1
    status, words = refused(served, f"{log}?first=x")
    assert (status, "expected the number of a line, found &#39;x&#39;" in words) == (400, True)
    status, words = refused(served, f"jobs/{job}/logs/nothing.html")
    assert (status, "unknown step" in words) == (400, True)


def test_each_act_is_recorded_with_the_person_of_the_token(farm: Farm, served: Served) -> None:
    job = farm.enqueue()
    done = post_act(served, "priority", {"job": job, "priority": "2"})
    assert done == f"{job} has priority 2"
    assert post_act(served, "hold", {"job": job}) == f"{job} is held"
    assert post_act(served, "cancel", {"job": job, "reason": "late"}, BOB) == f"{job} is cancelled"
    assert farm.job(job)["reason"] == "cancelled by Bob via the web page: late"
    assert post_act(served, "retry", {"job": job}) == f"{job} is queued again"
    assert "drained by Ann via the web page" in post_act(served, "drain", {"builder": "all"})
    assert post_act(served, "resume", {"builder": "all"}) == "all claims jobs again"
    queued = post_act(served, "enqueue", {"pipeline": "ledger", "branch": "main"})
    assert queued.endswith(" is queued")

    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path, body, code, words in (
        ("api/acts/cancel", b'{"job": "no-such"}', 404, "unknown job 'no-such'"),
        ("api/acts/cancel", b'{"jobs": "x"}', 400, "cancel takes no 'jobs' (known: reason)"),
        ("api/acts/cancel", b"{}", 400, "cancel needs 'job'"),
        ("api/acts/cancel", b"[1]", 400, "expected a JSON object whose members are text"),
        ("api/acts/dance", b"{}", 404, "there is no act 'dance'"),
        ("api/acts/priority", json.dumps({"job": job, "priority": "x"}).encode(), 400, "expects 1"),
    ):
        status, text = refused(served, path, body, **bearer)
        assert (status, json.loads(text)["retryable"]) == (code, False)
        assert words in json.loads(text)["error"]


def test_without_a_token_nothing_is_done(farm: Farm, served: Served) -> None:
    job = farm.enqueue()
    body = json.dumps({"job": job}).encode()
    assert refused(served, "api/acts/cancel", body)[0] == 401
    assert refused(served, "api/acts/cancel", body, Authorization="Bearer " + "x" * 20)[0] == 401
    assert refused(served, "sign-in", b"token=wrong")[0] == 403
    form = f"target={job}&confirmed=yes".encode()
    assert refused(served, "act/cancel", form)[0] == 403

    cookie = signed_in(served)
    status, words = refused(served, "act/cancel", form, Cookie=cookie)
    assert (status, "this form is not from this page" in words) == (400, True)
    assert refused(served, "act/cancel", b"x" * 200_000, Cookie=cookie)[0] == 413
    assert refused(served, "api/farm", None, Host="elsewhere.example")[0] == 400
    assert farm.job(job)["status"] == "queued"

    with serve(farm, tokens=False) as reads_only:
        assert refused(reads_only, "api/acts/cancel", body)[0] == 403
        assert refused(reads_only, "act")[0] == 404


def signed_in(served: Served) -> str:
    host = urllib.parse.urlsplit(served.url).netloc
    connection = HTTPConnection(host, timeout=PATIENCE)
    head = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", f"token={TOKEN}", head)
    answer = connection.getresponse()
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    return str(cookie.partition(";")[0])


def test_bad_input_is_one_line(farm: Farm, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("Ann: short\n")
    tokens.chmod(0o600)
    open_to_all = tmp_path / "open"
    open_to_all.write_text(f"Ann: {TOKEN}\n")
    open_to_all.chmod(0o644)
    for words, said in (
        (("--host", "farm"), "--host expects an address such as 127.0.0.1, found 'farm'"),
        (("--port", "70000"), "--port expects 0 to 65535, found 70000"),
        (("--every", "0s"), "--every"),
        (("--url", "farm"), "--url expects an address"),
        (("--tokens", str(tokens)), f"{tokens}:1: expected `NAME: TOKEN`"),
        (("--tokens", str(open_to_all)), f"{open_to_all}: other users can read it"),
        (("--tokens", str(tmp_path / "none")), "cannot read the token file"),
    ):
        done = farm.doit("serve", *words)
        assert done.returncode == 3
        assert done.stderr.startswith(f"doit serve: {said}")
        assert done.stderr.count("\n") == 1
