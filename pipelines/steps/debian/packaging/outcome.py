"""The results of a finished build for later steps, the manifest and people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.steps.debian.checks.installability import InstallTest
from pipelines.steps.debian.checks.lintian import LintianSummary
from pipelines.steps.debian.dependencies.decisions import Decision, Rung, grade, groups_on
from pipelines.steps.debian.dependencies.dummy import DUMMY_VERSION, dummy_name
from pipelines.steps.debian.packaging.changes import Package
from pipelines.steps.maven.incremental.selection import Selection
from pipelines.steps.maven.output.surefire import SurefireResults
from pipelines.steps.maven.report import MavenReport, open_words, skipped_words


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """A build that succeeded."""

    source: str
    version: str
    packages: Sequence[Package]
    decisions: Sequence[Decision]
    toolchain: Mapping[str, str]
    commands: Sequence[str]
    tests: SurefireResults
    """Results of the tests that ran in the build."""
    maven: MavenReport
    """The modules that the packaging's own Maven built."""
    selection: Selection
    """The modules that it did not build, and why."""
    lintian: LintianSummary | None
    """None: not asked for."""
    install_test: InstallTest | None
    """None: not asked for."""

    @property
    def reason(self) -> str:
        """The result in a few words."""
        count = f"{len(self.packages)} package{'' if len(self.packages) == 1 else 's'}"
        built = f"built {count} of {self.source} {self.version} ({grade(self.decisions)})"
        checks = [check.words() for check in (self.lintian, self.install_test) if check]
        modules = (self._module_words(), self.maven.slowest, open_words(self.selection))
        words = (built, *checks, self.tests.words(), *modules)
        return "; ".join(filter(None, words))

    def _module_words(self) -> str:
        count = len(self.maven.modules)
        modules = "1 module" if count == 1 else f"{count} modules"
        if self.selection.is_surprise:
            return f"built {modules} again, because {self.selection.reason}"
        skipped = skipped_words(self.selection)
        return f"built {modules}, {skipped}" if skipped else ""

    def values(self) -> dict[str, Any]:
        """The result as JSON: `packages`, `version`, `grade`, `rungs`, `substitutions`, …."""
        substitutions = self._substitutions()
        dummies = [item["package"] for item in substitutions]
        values = {
            "packages": [self._package(package, dummies) for package in self.packages],
            "version": self.version,
            "grade": grade(self.decisions),
            "rungs": [
                {"group": str(d.group), "rung": d.rung.value, "reason": d.reason}
                for d in self.decisions
            ],
            "substitutions": substitutions,
            "toolchain": dict(self.toolchain),
            "commands": list(self.commands),
        }
        maven = self.maven.values() if self.maven.modules else {}
        maven |= self.selection.values() if self.selection.reason else {}
        lintian = {"lintian": self.lintian.values()} if self.lintian else {}
        install_test = {"install_test": self.install_test.values()} if self.install_test else {}
        return {**values, **lintian, **install_test, **self.tests.results(), **maven}

    def _package(self, package: Package, dummies: Sequence[str]) -> dict[str, Any]:
        # Build-Depends are the source's, so all its packages have the same grade.
        return {
            "name": package.name,
            "version": package.version,
            "architecture": package.architecture,
            "file": package.path.name,
            "grade": grade(self.decisions),
            "dummies": list(dummies),
            "without": list(map(str, groups_on(Rung.FORCED, self.decisions))),
        }

    def _substitutions(self) -> list[dict[str, Any]]:
        return [
            {
                "package": d.provided.name,
                "version": d.provided.version,
                "for": str(d.group),
                "by": f"{dummy_name(self.source)} {DUMMY_VERSION}",
            }
            for d in self.decisions
            if d.provided is not None
        ]
