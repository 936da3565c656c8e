"""The parts of a benchmark: those that the command line names, and their results."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any


def parse(parser: argparse.ArgumentParser, parts: Collection[str]) -> argparse.Namespace:
    """The command line; its `parts` are some of `parts`, or all. Ends the program if not."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    options = parser.parse_args()
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))} (known: {', '.join(parts)})")
    options.parts = options.parts or list(parts)
    return options


def earlier_results(path: Path) -> dict[str, Any]:
    """The earlier results by part: a part that is not run keeps them."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
