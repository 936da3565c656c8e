"""Results of modules move from a job into the builder's store, complete and only once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.domain.pipeline import StepContext
from pipelines.execution.success_records import SuccessRecords
from pipelines.steps.maven.extension.listener import sources_digest
from pipelines.steps.maven.incremental.store import (
    ModuleStore,
    lend,
    open_store,
    results_in,
    take_back,
)
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule, Origin
from tests.support.pipelines.step_context import Steps

KEY = "a" * 64
MODULE = "org.example+core"


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return Steps(tmp_path).context()


def opened(context: StepContext) -> ModuleStore:
    store = open_store(context, "modules", commit="c", pure_plugins=("p",))
    assert store is not None
    return store


def put(folder: Path, content: bytes, key: str = KEY) -> Path:
    file = folder / MODULE / f"{key}-{hashlib.sha256(content).hexdigest()}.zip"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def kept(store: ModuleStore) -> list[bytes]:
    assert store.shared
    return [file.read_bytes() for file in results_in(store.shared)]


ENDED = BuildEvents(succeeded=True)


def test_the_settings(context: StepContext) -> None:
    store = opened(context)
    workspace = context.workspace
    assert store.settings.read_text().splitlines() == [
        "pure\tp",
        f"extension\t{sources_digest()}",
        f"from\t{workspace.job_id}\tc",
        f"source\t{workspace.source}",
        f"job\t{workspace.root}",
        f"own\t{store.own}",
        f"shared\t{workspace.kept_modules / 'unused'}",
    ]
    assert open_store(context, "off", commit="c") is None
    rerun = open_store(context, "rerun", commit="c")
    assert rerun is not None
    assert rerun.shared is None


def test_only_what_other_jobs_may_use_moves(context: StepContext) -> None:
    store = opened(context)
    own = put(store.own / "job", b"mine")
    put(store.own / "all", b"ours")
    store.finish(context, BuildEvents(succeeded=None))
    assert kept(store) == [], "Maven was killed"
    store.finish(context, ENDED)
    assert (kept(store), own.exists()) == ([b"ours"], True)
    assert not list((store.own / "all" / MODULE).iterdir())


def test_results_of_a_job_that_is_not_trusted_stay_with_it(context: StepContext) -> None:
    store = opened(context)
    own = put(store.own / "all", b"x")
    store.finish(replace(context, is_trusted=lambda: False), ENDED)
    assert (kept(store), own.exists()) == ([], True)


def test_the_first_complete_result_of_a_key_stays(context: StepContext) -> None:
    store = opened(context)
    for content in (b"first", b"second"):
        put(store.own / "all", content)
        store.finish(context, ENDED)
    assert kept(store) == [b"first"]

    [torn] = results_in(store.shared or store.own)
    torn.chmod(0o600)
    torn.write_bytes(b"fir")
    put(store.own / "all", b"third")
    store.finish(context, ENDED)
    assert kept(store) == [b"third"]


def test_what_is_no_result_moves_nowhere(context: StepContext, tmp_path: Path) -> None:
    store = opened(context)
    torn = put(store.own / "all", b"torn")
    torn.write_bytes(b"to")
    (torn.parent / "notes").write_text("x")
    secret = put(tmp_path / "elsewhere", b"secret")
    (torn.parent / secret.name).symlink_to(secret)
    (store.own / "all" / "link").symlink_to(secret.parent)
    store.finish(context, ENDED)
    assert kept(store) == []
    assert secret.exists()


def test_after_a_change_during_the_build_nothing_is_kept(context: StepContext) -> None:
    store = opened(context)
    put(store.own / "all", b"x")
    put(store.own / "job", b"x")
    store.finish(context, BuildEvents(succeeded=True, stale="b of B changed during the build"))
    assert kept(store) == []
    assert not store.own.exists()


def test_a_request_for_a_new_run_forgets_earlier_results(context: StepContext) -> None:
    store = opened(context)
    put(store.own / "all", b"x")
    SuccessRecords(context.workspace.successes).forget(context.step)
    again = opened(context)
    assert again.own != store.own
    assert not store.own.exists()
    assert again.shared is None
    assert opened(context).own == again.own, "a second try uses what the new run has made"


def test_a_used_result_is_removed_last(context: StepContext) -> None:
    store = opened(context)
    put(store.own / "all", b"x")
    store.finish(context, ENDED)
    [file] = results_in(store.shared or store.own)
    before = file.stat().st_mtime_ns
    module = BuiltModule("org.example:core", Path("/s/pom.xml"), "Core")
    module.origin = Origin(KEY, "j", "c")
    store.finish(context, BuildEvents({module.key: module}, succeeded=True))
    assert file.stat().st_mtime_ns > before


def test_a_clean_root_gets_links_to_results_and_gives_its_own(
    context: StepContext, tmp_path: Path
) -> None:
    store = opened(context)
    for number in range(5):
        put(store.own / "all", b"%d" % number, str(number) * 64)
        store.finish(context, ENDED)
    put(store.own / "job", b"mine")
    lend(store, ["org/example/core", "org/example/other"], tmp_path / "own", tmp_path / "shared")
    assert len(list(results_in(tmp_path / "shared"))) == 3
    [mine] = results_in(tmp_path / "own" / "job")

    mine.unlink()
    put(tmp_path / "own" / "job", b"newer")
    take_back(tmp_path / "own", store)
    assert [file.read_bytes() for file in results_in(store.own / "job")] == [b"newer"]
