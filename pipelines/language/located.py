"""Plain data combined from several documents; each part keeps its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.yaml.document import Document
from common.yaml.findings import Finding

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a document."""

    document: Document
    path: Path = ()

    def below(self, path: Path) -> Place:
        """The place of the value at `path` below this one."""
        return Place(self.document, (*self.path, *path)) if path else self

    def __str__(self) -> str:
        line, column = self.document.position(self.path, key=True)
        return f"{self.document.name}:{line}:{column}"


@dataclass(frozen=True, slots=True)
class Assembled:
    """Data with the place of its top level, and of each part that came from elsewhere."""

    data: Any
    place: Place
    moved: Mapping[Path, Place] = field(default_factory=dict)

    def finding(self, path: Path, message: str, *, key: bool = False) -> Finding:
        """A finding at `path` of the data, with the place in the file that it came from."""
        place = self.place_of(path)
        return place.document.finding(place.path, message, key=key)

    def place_of(self, path: Path) -> Place:
        """The place that the part at `path` came from."""
        for length in range(len(path), 0, -1):
            place = self.moved.get(path[:length])
            if place is not None:
                return place.below(path[length:])
        return self.place.below(path)

    def part(self, key: str | int) -> Assembled:
        """The part at `key`, with its places."""
        places = {path[1:]: place for path, place in self.moved.items() if path[0] == key}
        top = places.pop((), self.place.below((key,)))
        return Assembled(self.data[key], top, places)
