from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from common.settings.pipelines_source import PipelinesSource
from pipelines.domain.errors import BadPipelineFile
from pipelines.tasks.definitions import choice
from pipelines.tasks.definitions.choice import Chosen, Definitions
from tests.conftest import AUTHOR, git
from tests.support.ssh_keys import make_key


def check(path: Path) -> None:
    """A file is usable if it says `good`."""
    if not path.is_file() or "good" not in path.read_text():
        raise BadPipelineFile(f"{path}:1:1: broken")


class Repository:
    """A repository whose branch `main` holds pipelines, and a builder that uses it."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.keys = {name: folder / name for name in ("alice", "mallory")}
        git("init", "--quiet", "--initial-branch=main", str(self.tree))
        self.signers = folder / "signers"
        self.source = PipelinesSource(
            repository=str(self.tree),
            branch="main",
            path="farm/pipelines.yaml",
            allowed_signers=None,
            folder=folder / "state",
            is_coordination=False,
        )

    def trust(self, *names: str) -> None:
        for name in names:
            if not self.keys[name].exists():
                make_key(self.keys[name])
        lines = (f"{name} {self.keys[name].with_suffix('.pub').read_text()}" for name in names)
        self.signers.write_text("".join(lines))
        self.source = replace(self.source, allowed_signers=self.signers)

    def commit(self, text: str, signer: str = "") -> str:
        file = self.tree / self.source.path
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{text}\n")
        git("-C", str(self.tree), "add", "--all")
        key = self.keys.get(signer)
        if key and not key.exists():
            make_key(key)
        sign = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"] if key else []
        words = ["commit", "--quiet", "--allow-empty", "-m", text, *(["-S"] if key else [])]
        git(*AUTHOR, *sign, "-C", str(self.tree), *words)
        return self.head()

    def head(self) -> str:
        return git("-C", str(self.tree), "rev-parse", "HEAD")

    def used(self) -> Chosen:
        file, chosen = Definitions(source=self.source, check=check).file()
        assert "good" in file.read_text()
        return chosen


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(choice, "_FRESH", 0.0)
    monkeypatch.setattr(choice, "_FRESH_OUTAGE", 0.0)
    return Repository(tmp_path)


def test_the_newest_commit_is_used(repository: Repository) -> None:
    first = repository.commit("good 1")
    assert repository.used().commit == first
    second = repository.commit("good 2")
    assert repository.used().commit == second
    assert repository.used().problem == ""


def test_a_broken_commit_keeps_the_last_good_one_also_on_a_new_builder(
    repository: Repository, tmp_path: Path
) -> None:
    good = repository.commit("good")
    broken = repository.commit("nonsense")
    repository.commit("more nonsense")
    chosen = repository.used()
    assert chosen.commit == good
    assert chosen.problem.endswith("is not used: farm/pipelines.yaml:1:1: broken")
    assert broken != repository.head()
    repository.source = replace(repository.source, folder=tmp_path / "another builder")
    assert repository.used().commit == good
    mended = repository.commit("good again")
    assert (repository.used().commit, repository.used().problem) == (mended, "")


def test_without_any_good_commit_there_are_no_pipelines(repository: Repository) -> None:
    repository.commit("nonsense")
    with pytest.raises(BadPipelineFile, match=r"commit [0-9a-f]{12} is not used: .*broken"):
        repository.used()


def test_an_unreachable_source_keeps_what_was_used(repository: Repository) -> None:
    commit = repository.commit("good")
    repository.used()
    repository.tree.rename(repository.tree.with_name("moved"))
    chosen = repository.used()
    assert (chosen.commit, chosen.problem[:26]) == (commit, "the branch cannot be read:")
    repository.tree.with_name("moved").rename(repository.tree)
    assert repository.used().problem == ""


def test_a_branch_that_is_missing_is_named(repository: Repository) -> None:
    repository.commit("good")
    repository.source = replace(repository.source, branch="4.20")
    with pytest.raises(BadPipelineFile, match=r"has no branch 4\.20"):
        repository.used()


def test_of_a_signed_branch_only_signed_commits_count(repository: Repository) -> None:
    repository.trust("alice")
    signed = repository.commit("good", "alice")
    repository.commit("good, but unsigned")
    assert repository.used().commit == signed
    repository.commit("good, but signed by another", "mallory")
    chosen = repository.used()
    assert chosen.commit == signed
    assert f"none of the keys in {repository.signers} signed it" in chosen.problem


def test_a_signed_branch_is_not_set_back(repository: Repository) -> None:
    repository.trust("alice")
    old = repository.commit("good 1", "alice")
    new = repository.commit("good 2", "alice")
    assert repository.used().commit == new
    git("-C", str(repository.tree), "reset", "--quiet", "--hard", old)
    chosen = repository.used()
    assert chosen.commit == new
    assert "the branch was set back" in chosen.problem


def test_a_commit_whose_key_is_trusted_no_longer_is_not_used(repository: Repository) -> None:
    repository.trust("alice", "mallory")
    first = repository.commit("good", "alice")
    second = repository.commit("good 2", "mallory")
    assert repository.used().commit == second
    repository.trust("alice")
    assert repository.used().commit == first


def test_the_coordination_repository_needs_signatures(repository: Repository) -> None:
    repository.commit("good")
    repository.source = replace(repository.source, is_coordination=True)
    with pytest.raises(BadPipelineFile, match="Name the keys that may sign its commits"):
        repository.used()


def test_a_coordination_repository_under_another_address_is_recognised(
    repository: Repository,
) -> None:
    repository.commit("good")
    git("-C", str(repository.tree), "branch", "heartbeat-build1")
    with pytest.raises(BadPipelineFile, match="it is in the coordination repository"):
        repository.used()


def test_a_signature_by_openpgp_does_not_count(repository: Repository) -> None:
    """Whatever keys the user of the builder trusts, and whatever their git runs for it."""
    repository.trust("alice")
    repository.commit("good", "alice")
    tree = git("-C", str(repository.tree), "rev-parse", "HEAD^{tree}")
    parent = repository.head()
    person = "test <test@example.org> 1700000000 +0000"
    signature = "-----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END PGP SIGNATURE-----"
    raw = f"tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n"
    file = repository.tree.with_name("raw")
    file.write_text(f"{raw}gpgsig {signature}\n\ngood\n")
    forged = git("-C", str(repository.tree), "hash-object", "-t", "commit", "-w", str(file))
    git("-C", str(repository.tree), "reset", "--quiet", "--hard", forged)
    program = repository.tree.with_name("gpg")
    program.write_text(
        "#!/bin/sh\necho '[GNUPG:] NEWSIG'\necho '[GNUPG:] GOODSIG 0123456789ABCDEF alice'\n"
        "echo '[GNUPG:] VALIDSIG 0123456789ABCDEF 2023-01-01 1 0 4 0 1 8 00 0123456789ABCDEF'\n"
        "echo '[GNUPG:] TRUST_ULTIMATE 0 pgp'\n"
    )
    program.chmod(0o755)
    asked = (
        "-c",
        f"gpg.program={program}",
        "-C",
        str(repository.tree),
        "log",
        "-1",
        "--format=%G?",
    )
    assert git(*asked) == "G"
    assert repository.used().commit == parent
