"""What steps get of the environment of `doit build`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_ALWAYS_PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "SSH_AUTH_SOCK", "HOME")
_PASSED_SUFFIXES = ("_proxy", "_PROXY")


def passed(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """The listed variables: the rest of a login shell must not influence packages."""
    wanted = {*_ALWAYS_PASSED, *names}
    return {
        key: value
        for key, value in environment.items()
        if key in wanted or key.endswith(_PASSED_SUFFIXES)
    }


def named_variables(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """Those of the listed variables that are set."""
    return {name: environment[name] for name in names if name in environment}
