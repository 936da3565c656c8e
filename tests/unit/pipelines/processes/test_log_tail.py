from __future__ import annotations

import threading
from pathlib import Path

from pipelines.processes.log_tail import MAX_LINE, LogTail


def lines_of(log: Path, offset: int = 0) -> list[str]:
    seen: list[str] = []
    tail = LogTail(log, offset, seen.append)
    tail.start()
    tail.writer_ended()
    while not tail.join(0.1):
        pass
    return seen


def test_starts_at_the_offset_and_gives_the_last_line_without_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before\none\n\ntwo")
    assert lines_of(log, len(b"before\n")) == ["one", "", "two"]


def test_progress_bars_and_foreign_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"10%\r20%\rdone\r\n\xff\xfe\n")
    assert lines_of(log) == ["10%", "20%", "done", "��"]


def test_a_file_without_line_ends_comes_in_pieces(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (3 * MAX_LINE + 5))
    assert [len(line) for line in lines_of(log)] == [MAX_LINE] * 3 + [5]


def test_a_line_end_that_is_written_in_two_parts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\r")
    seen: list[str] = []
    got_one = threading.Event()

    def on_line(line: str) -> None:
        seen.append(line)
        got_one.set()

    tail = LogTail(log, 0, on_line)
    tail.start()
    assert got_one.wait(60)
    with log.open("ab") as stream:
        stream.write(b"\ntwo\n")
    tail.writer_ended()
    while not tail.join(0.1):
        pass
    assert seen == ["one", "two"]
