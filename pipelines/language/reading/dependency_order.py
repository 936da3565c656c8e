"""Order of names by what they need. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping


def find_cycle(needs: Mapping[str, Collection[str]]) -> list[str]:
    """A cycle of names that need each other, the first one again at the end; empty if none."""
    done: set[str] = set()
    for start in needs:
        way: dict[str, list[str]] = {}
        open_name: str | None = None if start in done else start
        while open_name is not None:
            left = way.setdefault(open_name, list(needs.get(open_name, ())))
            following = next((n for n in _drain(left) if n not in done and n in needs), None)
            if following is None:
                done.add(open_name)
                del way[open_name]
                open_name = next(reversed(way), None)
            elif following in way:
                names = list(way)
                return [*names[names.index(following) :], following]
            else:
                open_name = following
    return []


def upstream(needs: Mapping[str, Collection[str]], name: str) -> set[str]:
    """Everything that `name` needs, directly or through others."""
    found: set[str] = set()
    waiting = list(needs.get(name, ()))
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += needs.get(other, ())
    return found


def _drain(names: list[str]) -> Iterator[str]:
    while names:
        yield names.pop(0)
