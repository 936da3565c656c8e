from __future__ import annotations

from pipelines.steps.maven.output.log import MavenLog, Module, ModuleResult

REACTOR = """\
\x1b[0m\x1b[0m[INFO] Scanning for projects...
[INFO] ------------------------------------------------------------------------
[INFO] Reactor Build Order:
[INFO]\x20
[INFO] Tiny Parent                                                        [pom]
[INFO] Tiny - Core (with [brackets])                                      [jar]
[INFO] Tiny App                                                           [maven-plugin]
[INFO]\x20
[INFO] -----------------------< org.example.tiny:tiny >------------------------
[INFO] Building Tiny Parent 1.0                                           [1/3]
[INFO] --------------------------------[ pom ]---------------------------------
[INFO] -----------------------< org.example.tiny:core >------------------------
[INFO] Building Tiny - Core (with [brackets]) 1.0                         [2/3]
[INFO] Building jar: /x/core/target/core-1.0.jar
[INFO] Building index [5/6]-th of all
[INFO] Installing /x/core/target/core-1.0.jar to /r/core-1.0.jar
[INFO] ------------------------< org.example.tiny:app >------------------------
[INFO] Building Tiny App 1.0                                              [3/3]
[INFO] Reactor Summary for Tiny Parent 1.0:
[INFO]\x20
[INFO] Tiny Parent ........................................ SUCCESS [  1.224 s]
[INFO] Tiny - Core (with [brackets]) ...................... SUCCESS [01:23 min]
[INFO] Tiny App - with a name that is so long that it has no dots FAILURE [01:02 h]
[INFO] Tiny Last .......................................... SKIPPED
[INFO] ------------------------------------------------------------------------
[INFO] \x1b[1;31mBUILD FAILURE\x1b[m
""".splitlines()


def test_a_reactor_of_modules() -> None:
    log = MavenLog()

    shown = [text for line in REACTOR if (text := log.feed(line))]

    assert shown == [
        "module 1 of 3: Tiny Parent",
        "module 2 of 3: Tiny - Core (with [brackets])",
        "module 3 of 3: Tiny App",
    ]
    assert log.last.planned == ["Tiny Parent", "Tiny - Core (with [brackets])", "Tiny App"]
    assert log.last.started == log.last.planned
    assert log.last.modules == [
        Module("Tiny Parent", ModuleResult.SUCCESS, 1.224),
        Module("Tiny - Core (with [brackets])", ModuleResult.SUCCESS, 83),
        Module(
            "Tiny App - with a name that is so long that it has no dots",
            ModuleResult.FAILURE,
            3720,
        ),
        Module("Tiny Last", ModuleResult.SKIPPED, None),
    ]
    assert log.last.installed == ["/r/core-1.0.jar"]
    assert log.last.succeeded is False


def test_a_single_module_has_no_number() -> None:
    log = MavenLog()
    shown = [
        log.feed(line)
        for line in (
            "[INFO] Scanning for projects...",
            "[INFO] ",
            "[INFO] ------------------< org.example:lone >------------------",
            "[INFO] Building Lone Module 2.1-SNAPSHOT",
            "[INFO] --------------------------------[ jar ]-----------------",
            "[INFO] Building jar: /x/target/lone.jar",
            "[INFO] BUILD SUCCESS",
        )
    ]
    assert [text for text in shown if text] == ["module Lone Module"]
    assert log.last.succeeded is True


def test_a_log_that_was_cut_does_not_tell_success() -> None:
    log = MavenLog()
    for line in REACTOR[:14]:
        log.feed(line)
    assert log.last.succeeded is None
    assert log.last.modules == []
    assert log.last.started == ["Tiny Parent", "Tiny - Core (with [brackets])"]


def test_each_call_of_maven_in_a_log_is_a_reactor_of_its_own() -> None:
    log = MavenLog()
    for line in [*REACTOR, *REACTOR[:12]]:
        log.feed(line)
    assert [reactor.succeeded for reactor in log.reactors] == [False, None]
    assert log.last.started == ["Tiny Parent"]


def test_what_is_not_mavens_is_passed_over() -> None:
    log = MavenLog()
    for line in ("", "usage: mvn [options]", "[INFO] Building something 1.0 [1/2]"):
        assert log.feed(line) is None
    assert log.reactors == []
    assert log.last.started == []
