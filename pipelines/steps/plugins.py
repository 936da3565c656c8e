"""Step kinds of installed Python packages, besides our own.

A package names an object that is a `StepKind` in its own pyproject.toml:

    [project.entry-points."build_coordination.step_kinds"]
    my-kind = "my_package:MY_KIND"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pipelines.domain.errors import UnusableKind
from pipelines.domain.pipeline import Options, StepKind

GROUP = "build_coordination.step_kinds"


class InstalledKinds(Mapping[str, StepKind[Any]]):
    """All kinds by name. Packages are searched only when a name is not in `own`."""

    def __init__(self, own: Mapping[str, StepKind[Any]]) -> None:
        self.own = own
        """Our own kinds."""
        self._loaded: dict[str, StepKind[Any]] = {}

    def __getitem__(self, name: str) -> StepKind[Any]:
        """The kind. Raises KeyError, and UnusableKind when a package's kind cannot be loaded."""
        if name in self.own:
            return self.own[name]
        if name not in self._loaded:
            self._loaded[name] = _load(self._found[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.own, *self._found)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @cached_property
    def _found(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> StepKind[Any]:
    package = point.dist.name if point.dist else point.value
    try:
        kind = point.load()
    except Exception as error:
        raise UnusableKind(
            f"cannot load step kind '{point.name}' of package {package}: {error!r}"
        ) from error
    missing = [name for name in _WANTED if not hasattr(kind, name)]
    if missing:
        what = f"it has no {', '.join(missing)}"
    elif kind.name != point.name:
        what = f"its name is '{kind.name}'"
    elif not (isinstance(kind.options, type) and issubclass(kind.options, Options)):
        what = "its options are not a subclass of pipelines.plugin_api.Options"
    else:
        found: StepKind[Any] = kind
        return found
    raise UnusableKind(f"invalid step kind '{point.name}' of package {package}: {what}")


_WANTED = ("name", "summary", "options", "values", "identity", "run")
