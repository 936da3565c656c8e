"""Files made to hang or to burst what reads them: a clear error, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.domain.errors import BadPipelineFile
from pipelines.language.load import read_pipelines
from tests.support.pipelines.reading import KINDS

HEAD = "pipelines: {p: {description: d, source: {repository: r}, "
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
LONG = "1" * 100_000

FILES = {
    "billion laughs": (BOMB.encode(), "more than 400000 values"),
    "a tag": (b"pipelines: !!python/object/apply:os.system [x]", ": tag 'tag:yaml.org"),
    "a key twice": (b"pipelines: {}\npipelines: {}", ":2:1: duplicate key 'pipelines'"),
    "UTF-16": ("pipelines: {}".encode("utf-16"), "is not UTF-8 text"),
    "Latin-1": ("pipelines: {} # é".encode("latin-1"), "is not UTF-8 text"),
    "a tab": (b"pipelines:\n\tp: x", ":2:1: not valid YAML: found character that cannot start"),
    "deep": (b"pipelines: " + b"[" * 100_000, "not valid YAML"),
    "empty": (b"", "missing key 'pipelines'"),
    "a list": (b"- x", "expected a map"),
    "many unknown keys": (
        f"{HEAD}steps: [{{run: x}}], {', '.join(f'k{i}: 1' for i in range(50_000))}}}}}".encode(),
        "more errors",
    ),
    "many bad steps": (f"{HEAD}steps: [{'{rnu: x},' * 19_000}]}}}}".encode(), "more errors"),
    "many steps": (f"{HEAD}steps: [{'{run: x},' * 20_001}]}}}}".encode(), "more than 20000 steps"),
    "a long duration": (
        f"{HEAD}timeout: '{LONG}x', steps: [{{run: x}}]}}}}".encode(),
        "a duration",
    ),
    "open references": (
        f"{HEAD}steps: [{{run: x, dir: '{'${{' * 100_000}'}}]}}}}".encode(),
        "unclosed '${{'",
    ),
    "a long script": (
        f'{HEAD}steps: [{{run: "{"( $(" * 50_000} ${{{{ params.x }}}}"}}]}}}}'.encode(),
        "unknown name 'params.x'",
    ),
    "a long matrix value": (
        f"{HEAD}steps: [{{run: x, matrix: {{a: ['{'.' * 200_000}']}}}}]}}}}".encode(),
        "invalid step name",
    ),
    "a long condition": (
        f"{HEAD}steps: [{{run: x, when: '{'not ' * 9_000}'}}]}}}}".encode(),
        "when:",
    ),
    "a long name": (f"{HEAD}steps: [{{run: x, name: {LONG}a}}]}}}}".encode(), "invalid step name"),
}


@pytest.mark.parametrize("name", FILES)
def test_is_refused(name: str, tmp_path: Path) -> None:
    text, expected = FILES[name]
    path = tmp_path / "p.yaml"
    path.write_bytes(text)
    with pytest.raises(BadPipelineFile) as caught:
        read_pipelines(path, KINDS)
    assert expected in str(caught.value)


def test_a_file_of_50_megabytes_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    with pytest.raises(BadPipelineFile, match="is larger than 4000000 bytes"):
        read_pipelines(path, KINDS)
