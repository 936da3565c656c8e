"""git, shells, Python, and test runners without a name of their own. Pure."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

SCRIPTS = (
    Signature(
        tool="git",
        line=r"(?:fatal: |ssh: |error: RPC failed).*(?:Could not resolve host|Connection (?:refused"
        r"|timed out|reset)|Failed to connect|unable to access .*(?:50\d|429)|Temporary failure"
        r"|early EOF|Network is unreachable|Operation timed out|curl \d+)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="git",
        line=r"fatal: (?:Could not read from remote|the remote end hung up|early EOF|clone of )",
        role=Role.SIGN,
    ),
    Signature(
        tool="git", line=r"CONFLICT \(\w+\): |error: (?:pathspec|Your local changes|patch failed)"
    ),
    Signature(tool="git", line=r"fatal: ", before=1),
    Signature(
        tool="pip",
        line=r"WARNING: Retrying .*|ERROR: Could not install packages due to an OSError",
        role=Role.SIGN,
    ),
    Signature(tool="pip", line=r"ERROR: (?:No matching distribution|Could not find a version)"),
    Signature(tool="pytest", line=r"(?:FAILED|ERROR) \S+\.py(?:::\S+)?(?: - |$)"),
    Signature(tool="pytest", line=r"E {3,}\S", role=Role.SIGN),
    Signature(
        tool="tests",
        line=r"(?:FAIL|FAILED|ERROR|XPASS)(?::| +\S|$)|not ok \d|--- FAIL: "
        r"|.{1,200}\bFAILED\b|.{1,200}\.\.\. FAIL",
        after=r" {4,}\S",
    ),
    Signature(
        tool="exception",
        line=r"org\.apache\.(?:commons\.exec|maven)\.[\w.$]*Exception",
        role=Role.RELAY,
    ),
    Signature(
        tool="exception",
        line=r"(?:[\w.]+\.)?\w*(?:Error|Exception|SystemExit)(?: \[\w+\])?: |(?:Uncaught )\w*Error",
        before=1,
    ),
    Signature(
        tool="shell",
        line=r"\S+: (?:line )?\d+: .+: (?:command )?not found$"
        r"|\S+: (?:line )?\d+: .+(?:No such file|unbound variable|syntax error|Permission denied"
        r"|cannot open|Is a directory|parameter)"
        r"|\S+: (?:line )?\d+: (?:[Ss]yntax error|.+: unbound)|(?:/usr/bin/)?env: .+: No such file",
    ),
    Signature(
        tool="coreutils",
        line=r"(?:cp|mv|rm|ln|install|mkdir|rmdir|chmod|chown|cat|touch|ls|cd|sed|grep|tar|unzip|gzip"
        r"|patch|sha256sum|find|stat|jq|curl|wget|rsync|ssh|docker|awk|diff|sudo): (?!warning)\S",
    ),
    Signature(tool="script", line=r"ERROR(?::|\s*-) \S|FATAL: \S"),
)
