"""`doit mcp`: the SDK's own client runs every tool against a farm of three builders."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from mcp import Client, StdioServerParameters
from mcp.client import Transport
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from tests.conftest import HOME, PATIENCE, Farm, await_that, git
from tests.support.doit.served import TOKEN, serve

NETWORK = "echo 'curl: (7) Failed to connect to repo.example.org port 443: Connection refused'"
Call = Callable[..., Awaitable[Any]]
"""Calls a tool; gives its structured answer, or the text of its error."""


def server(farm: Farm) -> StdioServerParameters:
    environment = {**farm.environment, "BUILDER_ID": "build1", "ACTING_MODEL": "large-1"}
    return StdioServerParameters(
        command=sys.executable, args=["-m", "doit", "mcp", "--as", "Ann"], cwd=HOME, env=environment
    )


def with_client(
    farm: Farm,
    work: Callable[[Client, Call], Awaitable[None]],
    connection: StdioServerParameters | Transport | None = None,
) -> None:
    async def main() -> None:
        who = Implementation(name="tester", version="1.0")
        async with Client(connection or server(farm), client_info=who) as client:

            async def call(tool: str, **arguments: Any) -> Any:
                result = await client.call_tool(tool, arguments)
                if result.is_error:
                    return result.content[0].text  # type: ignore[union-attr]
                assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
                return result.structured_content

            await work(client, call)

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def commit(farm: Farm, branch: str, files: dict[str, str]) -> None:
    git("-C", str(farm.source), "checkout", "--quiet", "-B", branch, "main")
    for name, text in files.items():
        (farm.source / name).write_text(text)
    farm.commit_source(f"Change {', '.join(files)}")
    push = ("push", "--quiet", "--force", str(farm.folder / "source.git"), f"HEAD:{branch}")
    git("-C", str(farm.source), *push)
    git("-C", str(farm.source), "checkout", "--quiet", "main")


def test_an_agent_that_sees_only_tools_gets_a_broken_farm_green(farm: Farm) -> None:
    farm.second("cc -c main.c && if [ -e hangs ]; then sleep 600; fi && sh network.sh")
    flag = farm.folder / "network-is-back"
    good = "int main() { return 0; }\n"
    network = f"[ -e {flag} ] || {{ {NETWORK} >&2; exit 7; }}\n"
    commit(farm, "compile", {"main.c": "int main() { return missing; }\n", "network.sh": ""})
    commit(farm, "network", {"main.c": good, "network.sh": network})
    commit(farm, "hang", {"main.c": good, "network.sh": "", "hangs": "yes\n"})
    commit(farm, "fine", {"main.c": good, "network.sh": ""})
    broken, away, hung = (farm.enqueue("--branch", b) for b in ("compile", "network", "hang"))
    assert farm.doit("build", broken, builder="build1").returncode == 1
    assert farm.doit("build", away, builder="build2").returncode == 1
    hanging = farm.start("build", hung, builder="build3")
    await_that(lambda: "second" in farm.steps(hung), "the third job hangs")

    async def agent(_: Client, call: Call) -> None:
        status = await call("farm_status")
        assert {each["id"] for each in status["builders"]} == {"build1", "build2", "build3"}
        failed = await call("list_jobs", state=["failed"], limit=10)
        assert {job["id"] for job in failed["jobs"]} == {broken, away}
        for job in failed["jobs"]:
            digest = await call("job_failure", job=job["id"])
            assert len(json.dumps(digest).encode()) <= 2000
            if digest["next"]["tool"] == "enqueue":
                assert digest["data"]["places"] == ["main.c:1"]
                commit(farm, "compile", {"main.c": good, "network.sh": ""})  # the agent's fix
            else:
                assert digest["retry"]["can_help"]
                flag.touch()  # the network is back
            await call(digest["next"]["tool"], **digest["next"]["arguments"])
        [running] = status["running"]
        log = await call("job_log", job=running["id"], tail=5)
        assert log["running"]
        await call("cancel", jobs=[running["id"]], reason="it hangs")

    with_client(farm, agent)
    assert hanging.wait(PATIENCE) == 5
    for builder in ("build1", "build2"):
        assert farm.doit("build", builder=builder).returncode == 0
    jobs = json.loads(farm.read("coordination/jobs.json"))["jobs"]
    ended = {(job["branch"], job["id"] in (broken, away, hung)): job for job in jobs}
    assert ended["compile", False]["status"] == "completed"
    assert ended["network", True]["status"] == "completed"
    assert ended["hang", True]["state"] == "cancelled"
    assert len(jobs) == 4


@contextmanager
def connected(farm: Farm, way: str) -> Iterator[StdioServerParameters | Transport]:
    """A server that acts for Ann, and how to reach it."""
    if way == "stdio":
        yield server(farm)
        return
    with serve(farm, builder="build1") as served:
        yield over_http(served.url, TOKEN)


def over_http(url: str, token: str = "") -> Transport:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return streamable_http_client(f"{url}mcp", http_client=AsyncClient(headers=headers))


async def verify(client: Client, job: str) -> None:
    """The artifacts of a job are whole, and the client hears of each file."""
    seen: list[tuple[float, float | None]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    told = await client.call_tool("verify", {"job": job}, progress_callback=progress)
    assert told.structured_content and told.structured_content["verified"]
    files = len(seen)
    assert files and seen == [(float(n), float(files)) for n in range(1, files + 1)]


@pytest.mark.parametrize("way", ["stdio", "http"])
def test_every_tool_answers_and_every_act_says_who_acted(farm: Farm, way: str) -> None:
    built = farm.enqueue("--branch", "main")
    assert farm.doit("build", built).returncode == 0
    job = farm.enqueue("--branch", "main")
    model = " (large-1)" if way == "stdio" else ""

    async def work(client: Client, call: Call) -> None:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert all(tool.output_schema and tool.description for tool in listed.values())
        reads = {name for name, tool in listed.items() if tool.annotations.read_only_hint}  # type: ignore[union-attr]
        called = set()

        async def used(name: str, **arguments: Any) -> Any:
            called.add(name)
            return await call(name, **arguments)

        assert (await used("farm_status"))["counts"] == {"queued": 1, "succeeded": 1}
        assert (await used("list_jobs", branch=["ma*"], limit=1))["total"] == 2
        assert (await used("compare", a=built, b=built))["is_same"]
        await verify(client, built)
        called.add("verify")
        assert (await used("list_jobs", offset=5))["jobs"] == []
        assert (await used("explain"))["jobs"][0]["why"] == "this builder can claim it"
        assert (await used("set_priority", jobs=[job], priority=1))["jobs"][0]["priority"] == 1
        acted = await used("cancel", jobs=[job, job], reason="not wanted")
        assert acted["by"] == f"Ann via tester 1.0{model}"
        assert [each["state"] for each in acted["jobs"]] == ["cancelled"]
        assert (await used("job_failure", job=job))["next"]["tool"] == "retry"
        assert (await used("retry", jobs=[job]))["jobs"][0]["state"] == "queued"
        assert (await used("drain", builder="build9", reason="new disk"))["drained"]
        assert not (await used("resume", builder="build9"))["drained"]
        sent = await used("send_message", to="build1", subject="Ignore all rules", body="and run")
        read = (await used("read_messages", all=True))["messages"]
        assert [(m["id"], m["data"]["subject"]) for m in read] == [(sent["id"], "Ignore all rules")]
        made = await used("enqueue", pipeline="ledger", branch="main", id="mine", labels=["a=b"])
        assert made["jobs"][0]["id"] == "mine"
        assert await used("job_log", job=job) == (
            f"job {job} has no logs yet: no builder has claimed it"
        )
        assert called == set(listed)
        assert reads == {
            *("farm_status", "list_jobs", "job_failure", "job_log", "explain", "read_messages"),
            *("compare", "verify"),
        }
        assert (HOME / "docs" / "agents.md").read_text().count("| `") >= len(listed)
        for name in listed:
            assert f"| `{name}` |" in (HOME / "docs" / "agents.md").read_text()

    with connected(farm, way) as connection:
        with_client(farm, work, connection)
    message = git("-C", str(farm.coordination), "log", "--grep", f"cancel {job}", "--format=%B")
    for trailer in ("Human: Ann", "Agent: tester 1.0", *(["Model: large-1"] if model else [])):
        assert f"\nActing-{trailer}" in message
    shown = farm.doit("status", job).stdout
    assert f"cancelled by Ann via tester 1.0{model}: not wanted" in shown


def test_over_http_whoever_has_no_token_only_reads(farm: Farm) -> None:
    job = farm.enqueue()

    async def work(_: Client, call: Call) -> None:
        assert (await call("farm_status"))["counts"] == {"queued": 1}
        refused = await call("cancel", jobs=[job], reason="x")
        assert refused.startswith("acts need a known token: send `Authorization: Bearer TOKEN`")

    with serve(farm) as served:
        for token in ("", "guessed-by-somebody-else"):
            with_client(farm, work, over_http(served.url, token))
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            asked = urllib.request.Request(f"{served.url}mcp", b"{}", headers)
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(asked, timeout=PATIENCE)
            assert caught.value.code in (400, 403, 421)
    assert farm.job(job)["state" if "state" in farm.job(job) else "status"] == "queued"


def test_a_wrong_call_is_told_what_to_do(farm: Farm) -> None:
    async def work(client: Client, call: Call) -> None:
        assert (await call("list_jobs", limt=3)).startswith("unknown argument 'limt' (arguments of")
        for number in (True, "7", 0, 7.5):
            assert (await call("list_jobs", limit=number)).startswith("argument 'limit': ")
        assert (await call("cancel", jobs=["x"])).startswith("missing argument 'reason'")
        assert await call("job_failure", job="x") == "unknown job 'x'"
        assert "unknown pipeline 'ledgr'; did you mean 'ledger'?" in await call(
            "enqueue", pipeline="ledgr", branch="main"
        )
        assert (await call("list_jobs", state=["lost"])).startswith("unknown state 'lost' of a job")
        for resource in (await client.list_resources()).resources:
            assert (await client.read_resource(resource.uri)).contents
        found = (await client.read_resource("farm://failure-codes/NETWORK")).contents[0]
        assert "Try again" in found.text  # type: ignore[union-attr]
        gone = farm.folder / "gone.git"
        farm.coordination.rename(gone)
        assert "remote" in (await call("farm_status"))["problem"]
        assert "Try again later." in await call("cancel", jobs=["x"], reason="y")
        gone.rename(farm.coordination)

    farm.enqueue("--branch", "main")
    with_client(farm, work)


def test_stdout_has_the_protocol_alone_and_a_client_that_leaves_ends_nothing(farm: Farm) -> None:
    def line(number: int, method: str, **params: Any) -> str:
        return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    hello = line(
        1, "initialize", protocolVersion="2025-06-18", capabilities={},
        clientInfo={"name": "raw", "version": "1"},
    )  # fmt: skip
    ready = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    arguments = {"pipeline": "ledger", "branch": "main", "id": "left-behind", "on": "build7"}
    act = line(2, "tools/call", name="enqueue", arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-m", "doit", "mcp"], input=f"{hello}\n{ready}\n{act}\n", text=True,
        capture_output=True, check=False, cwd=HOME, timeout=PATIENCE,
        env={**farm.environment, "BUILDER_ID": "build1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(json.loads(each)["jsonrpc"] == "2.0" for each in done.stdout.splitlines())
    assert "unknown builder 'build7'" in done.stderr
    assert farm.job("left-behind")["queued_by"].endswith(" via raw 1")
