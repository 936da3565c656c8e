"""The table of kept failures: the report of each, and its size.

`python -m benchmarks.failure_cases` prints it as Markdown; a wrongly reported case is marked, and
the exit code is then 1.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.support.failures.kept_logs import KeptLog, kept_logs


def row(log: KeptLog, scratch: Path) -> tuple[str, bool]:
    """A line of the table, and whether the case is reported correctly."""
    failure = log.failure(scratch)
    retry = "yes" if failure.retryable else "no"
    right = (failure.code.value, retry) == (log.one("code"), log.one("retry"))
    right = right and all(words in failure.message for words in log.all("says"))
    document = {
        "code": failure.code,
        "reason": failure.message,
        "retryable": failure.retryable,
        "excerpt": failure.excerpt,
        **failure.details,
    }
    size = len(json.dumps(document, ensure_ascii=False).encode())
    said = failure.message.replace("|", "\\|")[:100]
    cells = (log.name, log.one("step"), failure.code, retry, len(failure.excerpt.encode()), size)
    return f"| {' | '.join(map(str, cells))} | {said}{'' if right else ' **WRONG**'} |", right


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = [row(log, Path(scratch)) for log in kept_logs()]
    print("# Failures that are kept as logs\n")
    print("`python -m benchmarks.failure_cases` makes this table.\n")
    print("| case | step | code | retry | excerpt, bytes | JSON, bytes | message |")
    print("|---|---|---|---|---|---|---|")
    for line, _ in rows:
        print(line)
    wrong = sum(not right for _, right in rows)
    print(f"\n{len(rows)} cases, {wrong} reported wrongly.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
