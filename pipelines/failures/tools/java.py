"""Java, Maven, Gradle, javac and what they run, as they write outside Maven's own reading. Pure.

The meaning of Maven's final lines is in `maven.py`.
"""

from __future__ import annotations

from pipelines.failures.signature import Role, Signature

_NOT_GRADLES = r"(?!\* |BUILD FAILED|(?:> )?Run with --)"
_MORE = r"\[(?:ERROR|FATAL)\]|\s*@|  |\t"

JAVA = (
    Signature(
        tool="maven", line=r"\[INFO\] BUILD SUCCESS$|BUILD SUCCESSFUL in ", role=Role.ACCEPTED
    ),
    Signature(
        tool="maven", line=r"\[(?:ERROR|FATAL)\] Failed to execute goal ", at_end=True, after=_MORE
    ),
    Signature(
        tool="maven",
        line=r"(?:\[(?:ERROR|FATAL)\] ){1,2}(?:Some problems were|The build could not|Non-"
        r"|Project '|The projects in the reactor|Unknown lifecycle|No plugin found|Plugin "
        r"|Error executing Maven|Could not find the selected|Unresolveable|Extension )",
        at_end=True,
        after=_MORE,
    ),
    Signature(tool="maven", line=r"\[(?:ERROR|FATAL)\](?: |$)", role=Role.SIGN, after=r"  |\t| @ "),
    Signature(tool="ant", line=r"BUILD FAILED$", role=Role.RELAY),
    Signature(
        tool="ant",
        line=r"/\S+\.xml:\d+: (?:Compile failed; see|The following error occurred while exec"
        r"|(?:exec|apply) returned: |Java returned: |.{0,200}\b[Tt]ests?\b.{0,200}\bfail)",
        role=Role.RELAY,
    ),
    Signature(tool="tests", line=r"Testcase: \S+:\t(?:FAILED|Caused an ERROR)$", after=r"\S"),
    Signature(
        tool="ant",
        line=r"(?P<file>/\S+\.xml):(?P<line>\d+): (?P<what>\S.*)",
        after=r"(?!Total time)\S",
    ),
    Signature(
        tool="java",
        line=r"Unrecognized (?:VM )?option|Invalid (?:maximum|initial) heap size"
        r"|Initial heap size set to a larger|Could not find or load main class"
        r"|Error occurred during initialization of (?:VM|boot layer)"
        r"|Unable to parse command line options|The JAVA_HOME environment variable is not",
        after=r"(?!\[)\S",
    ),
    Signature(tool="java", line=r"Error: (?:Could not create the Java Virtual|A fatal exception)"),
    Signature(
        tool="java",
        line=r"# A fatal error has been detected by the Java Runtime",
        after=r"#",
    ),
    Signature(
        tool="gradle",
        line=r"FAILURE: Build failed|FAILURE: Build completed|BUILD FAILED in"
        r"|\d+ actionable tasks?:|(?:> Task )?:[\w:.-]+ FAILED$"
        r"|\* (?:Try|Where|Get more help|Exception is)|(?:> )?Run with --|(?:> )?Get more help at ",
        role=Role.RELAY,
    ),
    Signature(
        tool="gradle",
        line=r"Execution failed for task '",
        relays=r"> (?:Compilation (?:failed|error)|There were failing tests"
        r"|Process '.*' finished with non-zero)",
        after=_NOT_GRADLES,
    ),
    Signature(
        tool="gradle",
        line=r"(?:A problem (?:occurred|was found)|Could not (?:resolve|determine|compile|create"
        r"|open|initialize) |Task '.*' (?:not found|is ambiguous)|Project '.*' not found"
        r"|Could not find method |Plugin \[id: |Cannot (?:locate|find|expand) )",
        after=_NOT_GRADLES,
    ),
    Signature(tool="gradle", line=r"\* What went wrong:|Build file '", role=Role.SIGN),
    Signature(
        tool="gradle tests", line=r"\S.* > .* FAILED$", after=r"    \S|        at \S+\(\w+Test"
    ),
    Signature(
        tool="kotlin",
        line=r"e: (?:file://)?(?P<file>\S+?\.kts?):(?: \()?(?P<line>\d+)[,:] ?\d+\)?:? "
        r"(?P<what>.*)",
    ),
    Signature(
        tool="scala",
        line=r"-- (?:\[E\d+\] )?[\w ]*Error: \S+:\d+:\d+ -",
        after=r" *\d* *\|",
    ),
    Signature(
        tool="groovy",
        line=r"(?P<file>\S+\.groovy): (?P<line>\d+): (?P<what>.*)",
        after=r" ?@ line | {2,}",
    ),
    Signature(
        tool="javac",
        # Gradle 4 writes its task's name directly before it.
        line=r"(?::[\w:]+(?=/))?(?P<file>\S+\.(?:java|scala)):(?P<line>\d+)(?::\d+)?: error: "
        r"(?P<what>.*)",
        after=r" {2,}",
    ),
    Signature(
        tool="checkstyle",
        line=r"(?P<file>\S+\.java):(?P<line>\d+):\d+: (?P<what>(?:expecting|unexpected|mismatched"
        r"|no viable|extraneous) .*)",
    ),
    Signature(
        tool="rat",
        line=r"(?:\[WARNING\] )?Files with (?:unapproved|unknown) licen[sc]es:?",
        after=r"  \S",
    ),
    Signature(
        tool="spotbugs",
        line=r"(?:High|Medium|Low): (?P<what>.*?) (?:\[[\w.$]+\] )?"
        r"\w*[Aa]t (?P<file>\S+\.\w+):\[lines? (?P<line>\d+)",
    ),
    Signature(
        tool="pmd",
        line=r"PMD Failure: |CPD Failure: ",
    ),
    Signature(
        tool="dependency:analyze",
        line=r"(?:Unused declared|Used undeclared|Non-test scoped.*) dependencies found:",
        after=r" {2,}|\[\w+\] {2,}",
    ),
    Signature(tool="jacoco", line=r"Rule violated for "),
    Signature(tool="license", line=r"(?:Missing|Unexpected) header in: |Header mismatch in "),
    Signature(
        tool="forbiddenapis",
        line=r"Forbidden (?:method|class|field|annotation|package)\S* ",
        after=r"\[ERROR\] {3}in |  in ",
    ),
    Signature(
        tool="antlr", line=r"error\(\d+\): (?P<file>\S+\.g4?):(?P<line>\d+):\d+: (?P<what>.*)"
    ),
    Signature(
        tool="gpg",
        line=r"gpg: (?:signing failed|.*: (?:No secret key|skipped)|BAD signature|no valid OpenPGP"
        r"|Can't check signature|decryption failed)",
    ),
    Signature(
        tool="protoc", line=r"(?P<file>\S+\.proto):(?P<line>\d+):\d+: (?!warning)(?P<what>.*)"
    ),
    Signature(
        tool="javac",
        line=r"\[WARNING\] \S+\.\w+:\[\d+,\d+\] ",
        role=Role.SIGN,
        after=r" ",
    ),
    Signature(
        tool="java",
        line=r"Exception in thread \"[^\"]*\" [\w.$]+(?:: |$)",
        after=r"\tat |Caused by: ",
    ),
)
