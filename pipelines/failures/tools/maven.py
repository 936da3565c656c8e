"""The meaning of Maven's final error lines: failed plugin, message, code. Pure.

The first row whose `goal` matches the failed goal and whose `words` are found in its error lines
counts. `own_output`: the plugin only repeats a count or an exit code, and the goal's last output
belongs to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import compiled

TESTS = r"(?:surefire|failsafe)-plugin:|surefire-junit|gwt-maven-plugin:\S+:test|scalatest-maven"
_ANY = ""
_NO_TESTS = rf"^(?!.*(?:{TESTS}))"
_NO_ANSWER = (
    r"(?:Connection (?:refused|reset)|[Tt]imed out|Unknown ?[Hh]ost|[Cc]ould not get content"
    r"|Network is unreachable|No route to host|name resolution|Name or service not known"
    r"|status(?: code)?: ?(?:429|5\d\d)|Remote host terminated|[Pp]remature end"
    r"|transfer failed for \S+$)"
)
_MEMORY = (
    r"(?m)^.{0,300}java\.lang\.OutOfMemoryError.*|^(?:.{0,200}: )?(?:Java heap space"
    r"|GC overhead limit exceeded|Metaspace|unable to create native thread).{0,100}$"
    r"|system is out of resources|insufficient memory for the Java Runtime"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MavenVerdict:
    """A row: when a goal's failure is of this kind, and its message."""

    code: FailureCode
    goal: str = _ANY
    """Regular expression for `group:plugin:version:goal`, which is empty without a goal."""
    words: str = ""
    """Regular expression for the error lines, without level."""
    retry: bool = False
    say: str = ""
    """The message, with the match of `words` as `{found}`; empty: from the code's own search."""
    own_output: bool = False

    def match(self, goal: str, lines: str) -> re.Match[str] | None:
        """The match of its words in the error lines of a matching goal."""
        if compiled(self.goal).search(goal) is None:
            return None
        return compiled(self.words, re.MULTILINE).search(lines)


VERDICTS = (
    MavenVerdict(
        code=FailureCode.OUT_OF_MEMORY,
        goal=TESTS,
        words=r"^(?:.{0,200}: )?(?:Java heap space|GC overhead limit exceeded|Metaspace)$"
        r"|^Terminating due to java\.lang\.OutOfMemoryError.*",
        say="the test JVM ran out of memory: {found}. Set its size in the plugin's argLine:"
        " maven_opts do not apply to it.",
    ),
    MavenVerdict(code=FailureCode.MAVEN_TEST, goal=TESTS, words=r"test failures|Crashed tests"),
    MavenVerdict(
        code=FailureCode.MAVEN_TEST,
        goal=TESTS,
        words=r"forked (?:VM|process)|SurefireBooterForkException|timeout in the fork",
    ),
    MavenVerdict(
        code=FailureCode.DISK_FULL,
        goal=_NO_TESTS,
        words=r"No space left on device|Disk quota exceeded",
        say="no space is left on the disk",
    ),
    MavenVerdict(
        code=FailureCode.OUT_OF_MEMORY,
        goal=_NO_TESTS,
        words=_MEMORY,
        say="Java ran out of memory: {found}",
    ),
    MavenVerdict(
        code=FailureCode.NETWORK,
        goal=_NO_TESTS,
        words=rf"(?:[Cc]ould not (?:transfer|download|get content)|transfer failed|Connect to |IO "
        rf"Error: |Downloading? .{{0,200}}failed|Unknown host ).{{0,1500}}?{_NO_ANSWER}"
        rf"|Could not get content",
        retry=True,
    ),
    MavenVerdict(code=FailureCode.MAVEN_ENFORCER, goal=r"maven-enforcer-plugin:"),
    MavenVerdict(
        code=FailureCode.MAVEN_DEPENDENCY,
        words=r"Could not resolve dependencies|could not be resolved|Could not find artifact"
        r"|ArtifactNotFoundException|ArtifactResolutionException|Failed to read artifact descriptor"
        r"|was not found in \S+ during a previous attempt|in offline mode"
        r"|Non-resolvable (?:parent|import) POM|Unresolveable build extension",
    ),
    MavenVerdict(
        code=FailureCode.MAVEN_POM,
        words=r"The build could not read \d+ project|Non-(?:readable|parseable) POM"
        r"|[Cc]hild module .* does not exist|^Project '.*' is duplicated in the reactor"
        r"|^The projects in the reactor contain a cyclic reference",
    ),
    MavenVerdict(
        code=FailureCode.MAVEN_COMPILE,
        goal=r"compiler-plugin:|:(?:testC|test-c|c)ompile(?:Tests)?$|aspectj-maven-plugin:",
    ),
    MavenVerdict(
        code=FailureCode.MAVEN_TEST, goal=TESTS, words=r"There (?:are|were|was)|[Tt]ests? fail"
    ),
    MavenVerdict(code=FailureCode.MAVEN_TEST, goal=TESTS),
    MavenVerdict(
        code=FailureCode.MAVEN_FAILED,
        goal=r"(?:exec|antrun|frontend|native|nar|cmake|protobuf|jruby|docker|groovy|scripting"
        r"|make|npm|yarn|gpg)[\w-]*-plugin:|-exec-|frontend-",
        words=r"exited with an error|[Ee]xec returned|exit (?:value|code)|Failed to run task"
        r"|Command execution failed|Process (?:exited|did not)|returned: \d|Exit code: \d",
        own_output=True,
    ),
    MavenVerdict(
        code=FailureCode.MAVEN_FAILED,
        goal=r"checkstyle|pmd|spotbugs|findbugs|apache-rat|license|animal-sniffer|revapi|clirr"
        r"|japicmp|dependency-plugin|buildplan|modernizer|forbiddenapis|jdeps|errorprone|detekt"
        r"|ktlint|scalastyle|codenarc|sortpom|jacoco|archunit|javadoc|bnd|openapi|xml-maven|antlr|protoc",
        own_output=True,
    ),
    MavenVerdict(code=FailureCode.MAVEN_FAILED),
)
