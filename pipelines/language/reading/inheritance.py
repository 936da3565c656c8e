"""`extends`: an entry merged over another one. Pure; of malformed parts it takes the child's."""

from __future__ import annotations

from typing import Any

from pipelines.language.located import Assembled, Path, Place


def extended(base: Assembled, child: Assembled) -> Assembled:
    """The keys of `child`, and those of `base` that `child` does not have.

    Maps are merged key by key, and steps by name; everything else is the child's.
    """
    merged = _Merged()
    data = merged.maps(base, child, (), top=True)
    return Assembled(data, child.place, merged.moved)


class _Merged:
    """Data being merged, and the places of its parts."""

    def __init__(self) -> None:
        self.moved: dict[Path, Place] = {}

    def maps(self, base: Assembled, child: Assembled, at: Path, *, top: bool = False) -> Any:
        data: dict[str, Any] = {}
        for key in {**base.data, **child.data}:
            here = (*at, key)
            if key not in child.data:
                data[key] = self._whole(base.part(key), here)
            elif key not in base.data:
                data[key] = self._whole(child.part(key), here)
            else:
                data[key] = self._both(base.part(key), child.part(key), here, top)
        return data

    def _both(self, base: Assembled, child: Assembled, at: Path, top: bool) -> Any:
        if isinstance(base.data, dict) and isinstance(child.data, dict):
            self.moved[at] = child.place
            return self.maps(base, child, at)
        if top and at == ("steps",) and _is_steps(base.data) and _is_steps(child.data):
            self.moved[at] = child.place
            return self._steps(base, child)
        return self._whole(child, at)

    def _steps(self, base: Assembled, child: Assembled) -> list[Any]:
        order = _step_order(base, child)
        return [
            self._both(one, other, ("steps", index), top=False)
            if one is not None and other is not None
            else self._whole(_either(one, other), ("steps", index))
            for index, (one, other) in enumerate(order)
        ]

    def _whole(self, part: Assembled, at: Path) -> Any:
        self.moved[at] = part.place
        self.moved.update({(*at, *path): place for path, place in part.moved.items()})
        return part.data


Pair = tuple[Assembled | None, Assembled | None]


def _step_order(base: Assembled, child: Assembled) -> list[Pair]:
    """Pairs of the same step in base and child; a new step follows its predecessor in the child."""
    pairs: list[Pair] = [(base.part(index), None) for index in range(len(base.data))]
    names = [name_of(step) for step in base.data]
    after = len(pairs)
    for index, step in enumerate(child.data):
        part = child.part(index)
        if name_of(step) in names:
            found = names.index(name_of(step))
            pairs[found] = (pairs[found][0], part)
            after = found + 1
        else:
            pairs.insert(after, (None, part))
            names.insert(after, name_of(step))
            after += 1
    return pairs


def name_of(step: Any) -> str:
    """Name of a step as written in the file; empty when it has none."""
    if not isinstance(step, dict):
        return ""
    name = step.get("name") or step.get("uses") or ("run" if "run" in step else "")
    return name if isinstance(name, str) else ""


def _is_steps(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(step, dict) for step in data)


def _either(one: Assembled | None, other: Assembled | None) -> Assembled:
    found = one if one is not None else other
    if found is None:
        raise ValueError("a pair without a step")
    return found
