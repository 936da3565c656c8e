"""How two files of one name differ, member by member."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from coordination_tasks.commands.views.comparison_page import markdown_lines, text_lines
from coordination_tasks.farm.artifacts.comparison import Comparison, compare, folder_side
from coordination_tasks.farm.artifacts.members import compare_members
from tests.support.debs import EPOCH, make_deb


def jar(path: Path, *entries: tuple[str, str, int]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text, year in entries:
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    return path


def compared(tmp_path: Path) -> Comparison:
    a, b = tmp_path / "a", tmp_path / "b"
    return compare(folder_side("a", a), folder_side("b", b), lambda _a, _b: "")


def test_the_same_packages_are_the_same(tmp_path: Path) -> None:
    for side in "ab":
        make_deb(tmp_path / side, "tiny")
        (tmp_path / side / "job-1-manifest.json").write_text(side)
    found = compared(tmp_path)
    assert found.is_same
    assert found.same == ("tiny_1.0_all.deb",)


def test_the_member_of_a_package_that_differs_is_named(tmp_path: Path) -> None:
    make_deb(tmp_path / "a", "tiny", text="hello\n")
    make_deb(tmp_path / "b", "tiny", text="jello\n")
    make_deb(tmp_path / "b", "more")
    found = compared(tmp_path)
    assert found.only_in_b == ("more_1.0_all.deb",)
    [one] = found.differing
    assert one.members is not None
    assert "data/usr/share/tiny/hello.txt" in one.members.content
    assert "  content differs: data/usr/share/tiny/hello.txt" in list(text_lines(found))
    assert "only in B: more_1.0_all.deb" in list(text_lines(found))
    assert "| `more_1.0_all.deb` | only in B |" in list(markdown_lines(found))


def test_a_package_that_differs_only_in_its_times(tmp_path: Path) -> None:
    make_deb(tmp_path / "a", "tiny")
    make_deb(tmp_path / "b", "tiny", epoch=EPOCH + 60)
    [one] = compared(tmp_path).differing
    assert one.members is not None
    assert one.members.content == ()
    times = one.members.attributes["data/usr/share/tiny/hello.txt"]
    assert times == (f"time: {EPOCH}, {EPOCH + 60}",)


def test_jars(tmp_path: Path) -> None:
    a = jar(tmp_path / "a/x.jar", ("A.class", "a", 2024), ("B.class", "b", 2024), ("C", "", 2024))
    b = jar(tmp_path / "b/x.jar", ("A.class", "other", 2024), ("B.class", "b", 2025))
    found = compare_members(a, b)
    assert found is not None
    assert found.content == ("A.class",)
    assert found.attributes == {"B.class": ("time: 2024-01-01 00:00:00, 2025-01-01 00:00:00",)}
    assert (found.only_in_a, found.only_in_b) == (("C",), ())


def test_tar_files_with_two_members_of_a_name(tmp_path: Path) -> None:
    paths = []
    for number, texts in enumerate((("one", "two"), ("one", "three"))):
        path = tmp_path / f"{number}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for text in texts:
                entry = tarfile.TarInfo("same")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        paths.append(path)
    found = compare_members(*paths)
    assert found is not None
    assert found.content == ("same (2)",)


def test_what_cannot_be_read_has_no_members(tmp_path: Path) -> None:
    good = make_deb(tmp_path / "a", "tiny")
    for name, content in {
        "tiny_1.0_all.deb": good.read_bytes()[:300],
        "x.jar": b"PK",
        "x.txt": b"",
    }.items():
        broken = tmp_path / "b" / name
        broken.parent.mkdir(exist_ok=True)
        broken.write_bytes(content)
        assert compare_members(good, broken) is None
    [one] = compared(tmp_path).differing
    assert one.members is None


def test_archives_that_differ_in_their_order_alone(tmp_path: Path) -> None:
    entries = [("A", "a", 2024), ("B", "b", 2024)]
    jar(tmp_path / "a/x.jar", *entries)
    jar(tmp_path / "b/x.jar", *reversed(entries))
    lines = list(text_lines(compared(tmp_path)))
    assert "  all members are the same: only their order or compression differs" in lines
