from __future__ import annotations

import pytest

from common.yaml.document import parse_document
from common.yaml.findings import InvalidFile

ALIAS_BOMB = b"a: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (i, i, b",".join([b"*%c" % (i - 1)] * 9)) for i in range(ord("b"), ord("i"))
)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (b"a: [", "f.yaml:2:1: not valid YAML: did not find expected node content"),
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3: duplicate key 'c'"),
        (b"a: !!python/object:os.system x", "f.yaml:1:4: tag"),
        (b"a: !include x", "f.yaml:1:4: tag '!include' is not allowed"),
        (b"\ta: 1", "f.yaml:1:1: not valid YAML: found character that cannot start any token"),
        (b"a: b\n\xff\xfe", "f.yaml:2:1: is not UTF-8 text"),
        (b"x: \x00", "f.yaml:1:4: not valid YAML: control characters are not allowed"),
        ("a: ö\nb: \x07".encode(), "f.yaml:2:4: not valid YAML: control characters"),
        (b'a: ["x\\0y"]', "f.yaml:1:5: text must not contain a NUL character"),
        (b"? [a]\n: 1", "f.yaml:1:3: expected a single word as the key"),
        (b"a: &a [*a]", "f.yaml:1:4: nested deeper than 50 levels"),
        (ALIAS_BOMB, "more than 400000 values"),
        (b"a: " + b"x" * 5_000_000, "f.yaml:1:1: is larger than 4000000 bytes"),
        (b"[" * 10_000, "not valid YAML"),  # where it gives up is libyaml's own affair
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_hostile_text_is_refused_with_its_place(text: bytes, finding: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse_document(text, "f.yaml")
    assert finding in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidFile) as caught:
        parse_document(b"a: 1\na: 2\nb: !x 1\n", "f.yaml")
    assert [(f.line, f.column) for f in caught.value.findings] == [(2, 1), (3, 4)]


def test_words_of_yaml_1_1_stay_words() -> None:
    document = parse_document(b"[no, on, yes, 010, 1:30, 2025-01-01, true, ~, 7, 1.5]", "f.yaml")
    words = ["no", "on", "yes", "010", "1:30", "2025-01-01"]
    assert document.data == [*words, True, None, 7, 1.5]
