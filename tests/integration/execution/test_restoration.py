"""What a failed try leaves in the source tree: nothing. Real scripts in real checkouts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pipelines.domain.errors import StepFailed
from pipelines.domain.pipeline import Retries, Step
from pipelines.steps.run import RUN
from tests.conftest import AUTHOR, git
from tests.support.pipelines.recorded_steps import Bench

FILES = {
    "tracked.txt": "base\n",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "ignored*\n",
    "docs/d.txt": "doc\n",
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, RUN)
    bench.step("before", "echo made > made.txt; mkdir empty")
    return bench


def contents(bench: Bench, job: str) -> dict[str, tuple[int, str]]:
    """Modes and contents of all but what git keeps for itself."""
    source = bench.workspace(job).source
    return {
        str(path.relative_to(source)): (path.lstat().st_mode, content_of(path))
        for path in source.rglob("*")
        if ".git" not in path.relative_to(source).parts
    }


def content_of(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_text() if path.is_file() else ""


def fail(bench: Bench, job: str, commit: str) -> None:
    with pytest.raises(StepFailed):
        bench.build(job, commit)


LEFT = {
    "files": "echo more >> tracked.txt; echo new > untracked.txt; echo x > ignored.txt",
    "folders": "mkdir -p a/b/c ignored.d; echo x > a/b/c/d; echo x > ignored.d/e",
    "removed": "rm tracked.txt docs/d.txt; rmdir docs",
    "mode": "chmod +x tracked.txt; chmod 700 docs; chmod 000 run.sh",
    "same size and time": "echo BASE > t; touch -r tracked.txt t; mv t tracked.txt",
    "in place": "touch -r tracked.txt t; echo BASE > tracked.txt; touch -r t tracked.txt; rm t",
    "link for a file": "rm tracked.txt; ln -s /etc/hostname tracked.txt",
    "link for a folder": "rm -r docs; ln -s {elsewhere} docs; echo x > docs/stranger",
    "link to a folder": "ln -s {elsewhere} out; echo x > out/stranger",
    "folder for a file": "rm tracked.txt; mkdir tracked.txt; echo x > tracked.txt/y",
    "file for a folder": "rm -r docs; echo x > docs",
    "closed folder": "mkdir closed; echo x > closed/x; chmod 500 closed",
    "names": "touch -- '-x' 'a b' $'new\\nline' $'\\xff' ':(glob)*'; mkdir 'd*'; touch 'd*/[a]'",
    "repository": "git init -q inner; touch inner/x",
    "index": "git rm -q --cached tracked.txt; echo x > y; git add y",
    "lock": "touch .git/index.lock",
    "tag": "git tag v9; git branch b9",
    "stash": "echo x >> tracked.txt; git -c user.name=a -c user.email=b stash -q",
    "commit": "echo x >> tracked.txt; git -c user.name=a -c user.email=b commit -qam x",
    "settings": "git config core.fileMode false; rm .git/HEAD; echo x > .git/HEAD",
    "own earlier work": "rm made.txt; rmdir empty",
    "more in earlier work": "echo x >> made.txt; touch empty/x",
}


@pytest.mark.parametrize("left", LEFT.values(), ids=LEFT)
def test_the_next_try_finds_what_a_new_builder_finds(
    bench: Bench, tmp_path: Path, left: str
) -> None:
    elsewhere, gate = tmp_path / "elsewhere", tmp_path / "gate"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("dear")
    describe = "git describe --tags --always; git status --porcelain; git rev-parse HEAD"
    script = f"({describe}; ls -lR --time-style=+ | sed 's/^total.*//') > ignored.seen"
    left = left.replace("{elsewhere}", str(elsewhere))
    bench.step("gate", f"if test -e {gate}; then {script}; exit; fi; {left}; exit 1")
    commit = bench.commit(FILES)
    for _ in range(2):
        fail(bench, "job", commit)
    fail(bench, "other", commit)
    gate.touch()

    bench.build("job", commit)
    bench.build("other", commit)
    bench.build("new", commit)

    found = contents(bench, "new")
    assert stat.S_ISREG(found["made.txt"][0])
    assert contents(bench, "job") == found
    assert contents(bench, "other") == found
    strangers = {"precious", "stranger"} if "stranger" in left else {"precious"}
    assert {path.name for path in elsewhere.iterdir()} == strangers


def test_steps_whose_files_are_as_they_left_them_do_not_run_again(
    bench: Bench, tmp_path: Path
) -> None:
    commit = bench.commit(FILES)
    bench.step("gate", f"echo >> tracked.txt; touch new; test -e {tmp_path}/gate")
    fail(bench, "job", commit)
    (tmp_path / "gate").touch()
    assert bench.build("job", commit) == ["gate"]


def test_a_step_whose_file_was_changed_runs_again_and_says_why(
    bench: Bench, tmp_path: Path
) -> None:
    commit = bench.commit(FILES)
    bench.step("gate", f"echo >> made.txt; test -e {tmp_path}/gate")
    fail(bench, "job", commit)
    (tmp_path / "gate").touch()
    assert bench.build("job", commit) == ["before", "gate"]
    assert bench.reasons["before"] == (
        "step gate runs again, so the changes of this step were removed"
    )


def test_retries_begin_from_the_same_tree(bench: Bench, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    script = f"echo x >> new.txt; echo >> {tries}; test $(wc -l < {tries}) = 3"
    bench.step("shaky", script, retries=Retries(count=3, backoff=0.01))
    bench.build("job", bench.commit(FILES))
    assert (bench.workspace("job").source / "new.txt").read_text() == "x\n"


def test_retries_end_where_the_work_of_another_step_is_lost(bench: Bench, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    script = f"echo x >> made.txt; echo >> {tries}; test $(wc -l < {tries}) = 3"
    bench.step("shaky", script, retries=Retries(count=3, backoff=0.01))
    commit = bench.commit(FILES)
    fail(bench, "job", commit)
    assert len(tries.read_text()) == 1
    fail(bench, "job", commit)
    bench.build("job", commit)
    assert (bench.workspace("job").source / "made.txt").read_text() == "made\nx\n"


def test_a_rerun_begins_without_what_the_step_and_later_ones_made(bench: Bench) -> None:
    bench.step("second", "ls > ignored.list; echo x >> tracked.txt; echo x >> new.txt")
    bench.step("third", "echo y > late.txt; echo y >> tracked.txt")
    commit = bench.commit(FILES)
    bench.build("job", commit)
    found = contents(bench, "job")
    for step in ("second", "third"):
        bench.forget("job", step)
    assert bench.build("job", commit) == ["second", "third"]
    assert contents(bench, "job") == found
    bench.forget("job", "before")
    assert bench.build("job", commit) == ["before", "second", "third"]
    assert contents(bench, "job") == found


def test_a_step_that_was_taken_out_leaves_nothing(bench: Bench) -> None:
    commit = bench.commit(FILES)
    bench.step("gone", "echo >> tracked.txt; touch new")
    bench.build("job", commit)
    bench.steps.pop()
    bench.step("last", "true")
    bench.build("job", commit)
    bench.build("new", commit)
    assert contents(bench, "job") == contents(bench, "new")


def test_submodules(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNT", "1"), ("KEY_0", "protocol.file.allow"), ("VALUE_0", "always")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    library = tmp_path / "library"
    git("init", "--quiet", "--initial-branch=main", str(library))
    (library / "l.txt").write_text("lib\n")
    (library / ".gitignore").write_text("ignored*\n")
    git("-C", str(library), "add", "--all")
    git(*AUTHOR, "-C", str(library), "commit", "--quiet", "--message", "x")
    bench.commit(FILES)
    git("-C", str(bench.source), "submodule", "--quiet", "add", str(library), "lib")
    commit = bench.commit({})
    bench.submodules = True
    left = "cd lib; echo x >> l.txt; touch new ignored.x; git add new; git tag t"
    bench.step("gate", f"test -e {tmp_path}/gate && exit; {left}; exit 1")
    fail(bench, "job", commit)
    (tmp_path / "gate").touch()
    assert bench.build("job", commit) == ["gate"]
    bench.build("new", commit)
    assert contents(bench, "job") == contents(bench, "new")
    lib = str(bench.workspace("job").source / "lib")
    assert git("-C", lib, "status", "--porcelain") == ""
    assert git("-C", lib, "tag") == ""


def test_a_pipeline_without_a_checkout_begins_with_an_empty_folder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, RUN)
    commit = bench.commit(FILES)
    bench.steps.clear()
    bench.steps.append(
        Step(
            name="deploy",
            kind=RUN,
            options=RUN.options(script=f"echo x >> f; test -e {tmp_path}/go"),
            needs=(),
        )
    )
    fail(bench, "job", commit)
    (tmp_path / "go").touch()
    assert bench.build("job", commit) == ["deploy"]
    assert contents(bench, "job").keys() == {"f"}
    assert (bench.workspace("job").source / "f").read_text() == "x\n"
