"""The step that builds Debian packages: kind `build-deb`.

Its work is in `pipelines.steps.debian.build`, imported when a step needs it: python-debian and
other imports take a fifth of a second, which would delay every `doit list`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.domain.pipeline import StepContext, StepResult
from pipelines.steps.debian.options import BuildDebOptions

if TYPE_CHECKING:
    from pipelines.steps.debian.dependencies.host import Host


def _this_host() -> Host:
    from pipelines.steps.debian.dependencies.host import this_host  # noqa: PLC0415 - see above

    return this_host()


@dataclass(frozen=True, slots=True)
class BuildDeb:
    """Kind `build-deb`."""

    host: Callable[[], Host] = _this_host
    name = "build-deb"
    summary = "build the Debian packages"
    options = BuildDebOptions
    values = ("version",)

    def identity(self, options: BuildDebOptions, context: StepContext) -> Mapping[str, str]:
        """The commit, which the version names, and versions of the tools, read from files."""
        from pipelines.steps.debian.build import build as packaging  # noqa: PLC0415

        return packaging.tools_and_commit(options, context)

    def preflight(self, options: BuildDebOptions, context: StepContext) -> str:
        """Whether `run` could build here: tools, Build-Depends, JDK, script, changelog."""
        from pipelines.steps.debian.build import build as packaging  # noqa: PLC0415

        return packaging.look_ahead(options, context, self.host())

    def preflight_identity(
        self,
        options: BuildDebOptions,  # noqa: ARG002
        context: StepContext,
    ) -> Mapping[str, str]:
        """The state of debian/control, dpkg and apt."""
        from pipelines.steps.debian.dependencies.install import machine_state  # noqa: PLC0415

        return machine_state(context, self.host())

    def run(self, options: BuildDebOptions, context: StepContext) -> StepResult:
        """Build; puts packages, `.changes` and `.buildinfo` into `workspace.packages`.

        Raises StepFailed (BUILD_DEPENDS, PACKAGING_FAILED, TOOL_MISSING, ARTIFACT_MISSING,
        CHECKOUT_FAILED, DISK_FULL, KILLED, and the codes of the packaging's own Maven).
        """
        from pipelines.steps.debian.build import build as packaging  # noqa: PLC0415

        return packaging.package(options, context, self.host())


BUILD_DEB = BuildDeb()
