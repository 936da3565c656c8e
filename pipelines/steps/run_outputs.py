"""Values that a script passes to later steps: lines in a file named by a variable.

A value is a line `NAME=value`, or several lines between `NAME<<WORD` and a line `WORD`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from common.yaml.findings import did_you_mean
from pipelines.domain.errors import FailureCode, StepFailed

OUTPUT_VARIABLE = "STEP_OUTPUT"
MAX_BYTES = 1 << 20

_ONE_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)
_SEVERAL = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)<<(\S+)")


def read_outputs(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """The values in the file: exactly those of `wanted`.

    Raises StepFailed (BAD_OUTPUT).
    """
    values = dict(_entries(_text(path)))
    for name in values:
        if name not in wanted:
            hint = did_you_mean(name, wanted) or ". Add it to `values`."
            raise _bad(f"unknown value '{name[:60]}' of the script{hint}")
    missing = [name for name in wanted if name not in values]
    if missing:
        raise _bad(
            f"missing value {', '.join(missing)} of the script: "
            f"it must write {missing[0]}=... to the file ${OUTPUT_VARIABLE}"
        )
    return values


def _text(path: Path) -> str:
    if not path.exists() and not path.is_symlink():
        return ""
    if path.is_symlink() or not path.is_file():
        # A link may lead to a file of the builder; a pipe would wait for its writer without limit.
        raise _bad(f"the script replaced the file ${OUTPUT_VARIABLE}")
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _bad(f"the script wrote more than {MAX_BYTES} bytes to ${OUTPUT_VARIABLE}")
    if b"\0" in data:
        number = data[: data.index(b"\0")].count(b"\n") + 1
        raise _bad(
            f"line {number} of ${OUTPUT_VARIABLE} contains a NUL byte. "
            "Write text, or pass on a file."
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"${OUTPUT_VARIABLE} is not UTF-8 text") from error


def _entries(text: str) -> Iterator[tuple[str, str]]:
    lines = enumerate(text.split("\n"), 1)
    for number, line in lines:
        if not line:
            continue
        if several := _SEVERAL.fullmatch(line):
            value = []
            for _, inner in lines:
                if inner == several[2]:
                    break
                value.append(inner)
            else:
                raise _bad(f"line {number} of ${OUTPUT_VARIABLE}: missing end line {several[2]}")
            yield several[1], "\n".join(value)
        elif one := _ONE_LINE.fullmatch(line):
            yield one[1], one[2]
        else:
            found = f"expected NAME=value, found {line[:60]!r}"
            raise _bad(f"line {number} of ${OUTPUT_VARIABLE}: {found}")


def _bad(message: str) -> StepFailed:
    return StepFailed(FailureCode.BAD_OUTPUT, message)
