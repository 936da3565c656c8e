"""What every Repository promises: the same cases in memory and on Git."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordination_tasks.domain.errors import BrokenDocument
from coordination_tasks.repository.protocol import NOTHING, Moved, Rewritten, Version, VersionGone
from tests.support.coordination.world import World, closing, git, git_world


def test_an_empty_repository_is_at_nothing(world: World) -> None:
    repository = world.user()

    assert repository.known() is None
    assert repository.fetch() == NOTHING
    assert repository.known() == NOTHING
    assert repository.read(NOTHING, "a") is None
    assert repository.names(NOTHING, "") == ()


def test_what_is_written_can_be_read_by_others(world: World) -> None:
    writer, reader = world.user(), world.user()

    version = writer.push_if_unchanged(writer.fetch(), {"a/b/c": b"1", "d": b"\x00\xff"}, "first")

    assert writer.known() == version
    assert reader.fetch() == version
    assert reader.read(version, "a/b/c") == b"1"
    assert reader.read(version, "d") == b"\x00\xff"
    assert reader.read(version, "a/b") is None
    assert reader.read(version, "a/x/y") is None


def test_names_of_a_folder(world: World) -> None:
    version = world.write_all({"b/2": b"", "b/1": b"", "b/sub/x": b"", "a": b"", "ü/ä": b""})
    reader = world.user()
    reader.fetch()

    assert reader.names(version, "") == ("a", "b", "ü")
    assert reader.names(version, "b") == ("1", "2", "sub")
    assert reader.names(version, "ü") == ("ä",)
    assert reader.names(version, "a") == ()
    assert reader.names(version, "none") == ()


def test_all_else_stays(world: World) -> None:
    world.write_all({"a/1": b"1", "a/2": b"2", "a.b": b"3", "a0": b"4", "x/y/z": b"5"})
    writer = world.user()

    version = writer.push_if_unchanged(writer.fetch(), {"a/1": b"new", "a/3/4": b"6"}, "change")

    found = {path: writer.read(version, path) for path in ("a/2", "a.b", "a0", "x/y/z")}
    assert found == {"a/2": b"2", "a.b": b"3", "a0": b"4", "x/y/z": b"5"}
    assert writer.read(version, "a/1") == b"new"
    assert writer.read(version, "a/3/4") == b"6"


def test_none_deletes(world: World) -> None:
    world.write_all({"a/b": b"1", "a/c": b"2", "d/e": b"3"})
    writer = world.user()

    version = writer.push_if_unchanged(writer.fetch(), {"a/b": None, "d/e": None}, "delete")

    assert writer.names(version, "") == ("a",)
    assert writer.names(version, "a") == ("c",)


def test_only_the_first_of_two_writes(world: World) -> None:
    one, other = world.user(), world.user()
    version = world.write("a", "0")
    one.fetch()
    other.fetch()

    first = one.push_if_unchanged(version, {"a": b"1"}, "one")
    with pytest.raises(Moved):
        other.push_if_unchanged(version, {"b": b"2"}, "other")

    assert other.fetch() == first
    assert other.read(first, "b") is None


def test_two_users_begin_an_empty_repository(world: World) -> None:
    one, other = world.user("one"), world.user("other")
    one.fetch()
    other.fetch()

    one.push_if_unchanged(NOTHING, {"a": b"1"}, "one")
    with pytest.raises(Moved):
        other.push_if_unchanged(NOTHING, {"a": b"2"}, "other")


def test_an_old_version_stays_readable(world: World) -> None:
    old = world.write("a", "1")
    reader = world.user()
    reader.fetch()
    new = world.write("a", "2")
    reader.fetch()

    assert (reader.read(old, "a"), reader.read(new, "a")) == (b"1", b"2")
    assert reader.contains(new, old)
    assert not reader.contains(old, new)
    assert reader.contains(new, NOTHING)
    assert not reader.contains(NOTHING, new)


def test_a_version_that_nobody_made_is_gone(world: World) -> None:
    world.write("a", "1")
    reader = world.user()
    reader.fetch()

    with pytest.raises(VersionGone):
        reader.read(Version("0" * 40), "a")


def test_a_file_is_no_folder(world: World) -> None:
    version = world.write_all({"a": b"1", "b/c": b"2"})
    writer = world.user()
    writer.fetch()

    with pytest.raises(BrokenDocument, match="a is a file"):
        writer.push_if_unchanged(version, {"a/b": b"3"}, "odd")


def test_a_rewritten_history_is_told_and_can_be_adopted(remote_world: World, remote: Path) -> None:
    old = remote_world.write("a", "1")
    reader = remote_world.user()
    reader.fetch()
    remote_world.write("a", "2")
    newer = reader.fetch()

    git(remote, "update-ref", "refs/heads/main", old)
    with pytest.raises(Rewritten) as told:
        reader.fetch()
    with pytest.raises(Rewritten):
        reader.fetch()
    reader.adopt(told.value.found)

    assert (told.value.seen, told.value.found) == (newer, old)
    assert reader.fetch() == old
    written = reader.push_if_unchanged(old, {"a": b"3"}, "on top of it")
    assert git(remote, "rev-parse", "main") == written


def test_a_deleted_branch_is_a_rewritten_history(remote_world: World, remote: Path) -> None:
    remote_world.write("a", "1")
    reader = remote_world.user()
    reader.fetch()

    git(remote, "update-ref", "-d", "refs/heads/main")

    with pytest.raises(Rewritten) as told:
        reader.fetch()
    reader.adopt(told.value.found)
    assert reader.fetch() == NOTHING


def test_through_a_git_daemon(tmp_path: Path, daemon_url: str) -> None:
    with closing(git_world(tmp_path, daemon_url)) as world:
        test_only_the_first_of_two_writes(world)


def test_through_ssh(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # no sshd is needed to see that git's ssh transport works: the "ssh" runs the command here
    fake = tmp_path / "ssh"
    fake.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(fake))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")

    with closing(git_world(tmp_path, f"ssh://localhost{remote}")) as world:
        test_only_the_first_of_two_writes(world)


def test_notes_are_seen_replaced_and_withdrawn(world: World) -> None:
    one, other = world.user(), world.user()
    world.write("a", "1")
    one.fetch()

    one.leave_note("build2", b"old")
    one.leave_note("build2", b"two")
    one.leave_note("build1", b"one")

    assert [(n.owner, n.data) for n in other.fetch_notes()] == [
        ("build1", b"one"),
        ("build2", b"two"),
    ]
    assert one.withdraw_note("build2")
    assert not one.withdraw_note("build2")
    assert [note.owner for note in other.fetch_notes()] == ["build1"]


def test_notes_are_taken_by_the_write_that_does_what_they_say(world: World) -> None:
    one, other = world.user(), world.user()
    version = world.write("a", "1")
    one.fetch()
    one.leave_note("build1", b"do it")
    [note] = other.fetch_notes()
    assert other.known() == version

    written = other.push_if_unchanged(version, {"a": b"2"}, "done", [note])

    assert one.fetch_notes() == ()
    assert one.known() == written
    assert not one.withdraw_note("build1")


@pytest.mark.parametrize("fate", ["withdrawn", "replaced", "taken"])
def test_nothing_is_written_when_a_note_is_no_longer_there(world: World, fate: str) -> None:
    one, other = world.user(), world.user()
    version = world.write("a", "1")
    one.fetch()
    one.leave_note("build1", b"do it")
    one.leave_note("build2", b"do it, too")
    notes = other.fetch_notes()
    if fate == "withdrawn":
        one.withdraw_note("build1")
    elif fate == "replaced":
        one.leave_note("build1", b"do something else")
    else:
        version = one.push_if_unchanged(version, {"b": b"1"}, "done", one.fetch_notes()[:1])
        other.fetch()

    with pytest.raises(Moved):
        other.push_if_unchanged(version, {"a": b"2"}, "done", notes)

    newest = other.fetch()
    assert other.read(newest, "a") == b"1"
    assert "build2" in [note.owner for note in other.fetch_notes()]


def test_two_writes_that_take_the_same_note(world: World) -> None:
    one, other = world.user(), world.user()
    version = world.write("a", "1")
    one.fetch()
    one.leave_note("build1", b"do it")
    notes, same = one.fetch_notes(), other.fetch_notes()

    one.push_if_unchanged(version, {"a": b"2"}, "one", notes)
    with pytest.raises(Moved):
        other.push_if_unchanged(version, {"a": b"3"}, "other", same)
