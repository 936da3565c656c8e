"""Shells and their tools, uncaught exceptions, test runners without a name of their own. Pure."""

from __future__ import annotations

from pipelines.failures.signature import Role, Signature

SCRIPTS = (
    Signature(
        tool="tests",
        # Except summaries, reports of no failure, and expected failures.
        line=r"(?!FAILED \(\w+=|test result: |.*(?:\b0 (?:tests? )?FAILED|FAILED\W{1,3}0\b|# TODO)"
        r"|\S+: FAILED(?: open or read)?$)"
        r"(?:(?:FAIL|FAILED|ERROR|XPASS)(?::| +\S)|not ok \d|--- FAIL: "
        r"|\S.{0,200}\bFAILED\b|\S.{0,200}\.\.\. FAIL)",
        after=r" {2,}\S|-{10,}$|Traceback|[\w.]*(?:Error|Exception)\b",
    ),
    Signature(
        tool="tests", line=r"FAILED \(\w+=|test result: FAILED|FAIL(?:ED)?$|FAIL\t", role=Role.SIGN
    ),
    Signature(
        tool="tests",
        line=r"(?P<file>\S+):(?P<line>\d+): (?P<what>Failure)$",
        after=r"\s|Expected|Value of|Which",
    ),
    Signature(
        tool="exception",
        line=r"org\.apache\.(?:commons\.exec|maven)\.[\w.$]*Exception",
        role=Role.RELAY,
    ),
    Signature(
        tool="exception",
        line=r"(?:[\w.]+\.)?\w*(?:Error|Exception|SystemExit)(?: \[\w+\])?: |(?:Uncaught )\w*Error",
        before=3,
    ),
    Signature(
        tool="shell",
        line=r"\S+: (?:line )?\d+: .+: (?:command )?not found$"
        r"|\S+: (?:line )?\d+: .+(?:No such file|unbound variable|syntax error|Permission denied"
        r"|cannot open|Is a directory|parameter)"
        r"|\S+: (?:line )?\d+: (?:[Ss]yntax error|.+: (?:unbound|cannot execute|bad interpreter))"
        r"|(?:/usr/bin/)?env: .+: No such file",
    ),
    Signature(
        tool="coreutils",
        line=r"(?:cp|mv|rm|ln|install|mkdir|rmdir|chmod|chown|cat|touch|ls|cd|sed|grep|tar|unzip|gzip"
        r"|patch|sha256sum|find|stat|jq|curl|wget|rsync|ssh|docker|awk|diff|sudo): (?!warning)\S",
    ),
    Signature(tool="perl", line=r"BEGIN failed--", role=Role.RELAY),
    Signature(tool="perl", line=r"Can't locate \S+ in @INC"),
    Signature(tool="perl", line=r"(?!\s).{1,300} at \S+ line \d+\.$", at_end=True),
    Signature(
        tool="docker",
        line=r"Cannot connect to the Docker daemon|Error response from daemon: "
        r"|unable to prepare context: |ERROR: failed to (?:solve|build)",
    ),
    Signature(tool="coreutils", line=r"\S+: FAILED(?: open or read)?$", role=Role.SIGN),
    Signature(tool="script", line=r"ERROR(?::|\s*-) \S|FATAL: \S"),
)
