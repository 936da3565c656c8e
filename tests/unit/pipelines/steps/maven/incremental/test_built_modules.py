from __future__ import annotations

from pathlib import Path

from pipelines.steps.maven.incremental.built_modules import built_modules
from pipelines.steps.maven.output.events import BuildEvents, BuiltModule, ModuleFile

REPOSITORY = Path("/job/repository")
SOURCE = Path("/job/source")


def module(name: str, *files: tuple[str, str]) -> BuiltModule:
    return BuiltModule(
        key=f"g:{name}", pom=SOURCE / name / "pom.xml", packaging="jar", needs=(), name=name,
        files=[ModuleFile(SOURCE / name / made, REPOSITORY / at, 1, 1) for made, at in files],
    )  # fmt: skip


def events(*modules: BuiltModule) -> BuildEvents:
    return BuildEvents(modules={each.key: each for each in modules})


CORE = module(
    "core",
    ("pom.xml", "g/core/1/core-1.pom"),
    ("target/core-1.jar", "g/core/1/core-1.jar"),
    ("target/core-1-tests.jar", "g/core/1/core-1-tests.jar"),
)
APP = module("app", ("target/app-1.jar", "g/app/1/app-1.jar"))


def test_what_is_left_out_is_listed_but_no_pom() -> None:
    assert built_modules(events(CORE, APP), ["g:app"], REPOSITORY) == (
        "g/core/1/core-1.jar\t/job/source/core/target/core-1.jar\n"
        "g/core/1/core-1-tests.jar\t/job/source/core/target/core-1-tests.jar\n"
    )


def test_a_run_of_all_modules_has_no_list() -> None:
    assert built_modules(events(CORE, APP), [], REPOSITORY) == ""


def test_what_does_not_fit_in_a_line_is_not_listed() -> None:
    odd = module("odd", ("target/a\tb.jar", "g/odd/1/odd-1.jar"))
    elsewhere = module("far", ("target/far-1.jar", "/other/g/far/1/far-1.jar"))
    assert built_modules(events(odd, elsewhere, APP), ["g:app"], REPOSITORY) == ""
