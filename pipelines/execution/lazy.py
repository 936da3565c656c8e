"""Collections that are computed on first use: most steps never use them.

The view of a step on all others reads each of them, and a pipeline may have 1,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar, overload

T = TypeVar("T")


class ComputedSequence(Sequence[T]):
    """The result of `compute`, computed once."""

    def __init__(self, compute: Callable[[], Sequence[T]]) -> None:
        self._compute = compute

    @cached_property
    def _found(self) -> Sequence[T]:
        return self._compute()

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)


class ComputedMapping(Mapping[str, T]):
    """The value of each of `names()`, computed by `compute` on request."""

    def __init__(self, names: Callable[[], Iterable[str]], compute: Callable[[str], T]) -> None:
        self._list_names = names
        self._compute = compute
        self._found: dict[str, T] = {}

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(self._list_names())

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._compute(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
