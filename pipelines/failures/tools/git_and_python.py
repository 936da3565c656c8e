"""git, and Python's pip and pytest, whose lines rows of other tools would also match. Pure."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

_AFTER_ALL = r"Could not read from remote|the remote end hung up|early EOF|clone of "
"""What git says at the end, below the cause."""

GIT_AND_PYTHON = (
    Signature(
        tool="git",
        line=r"(?:fatal: |ssh: |error: RPC failed).*(?:Could not resolve host|Connection (?:refused"
        r"|timed out|reset)|Failed to connect|unable to access .*(?:50\d|429)|Temporary failure"
        r"|early EOF|Network is unreachable|Operation timed out|curl \d+)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(tool="git", line=r"remote: (?i:error|fatal): \S", after=r"remote: \S"),
    Signature(tool="git", line=r" ! \[(?:remote )?(?:rejected|failure)\] ", after=r"hint: "),
    Signature(
        tool="git",
        line=r"CONFLICT \(\w+\): |error: (?:pathspec|Your local changes|patch failed"
        r"|src refspec|failed to push|\S+: (?:patch does not apply|No such file))",
    ),
    Signature(tool="git", line=rf"fatal: (?!{_AFTER_ALL})", before=1),
    Signature(tool="git", line=rf"fatal: (?:{_AFTER_ALL})", role=Role.SIGN),
    Signature(tool="pip", line=r"ERROR: (?:No matching distribution|Could not find a version)"),
    Signature(
        tool="pip",
        # The last of several tries: an index that does not answer has no version of anything.
        line=r"WARNING: Retrying \(Retry\(total=0,.*connection broken",
        role=Role.SIGN,
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="pip",
        line=r"WARNING: Retrying .*|ERROR: Could not install packages due to an OSError",
        role=Role.SIGN,
    ),
    Signature(
        tool="pip",
        # A package's own build, whose output pip shows indented.
        line=r" {6}\w[\w.]*(?:Error|Exception): ",
    ),
    Signature(
        tool="pip",
        line=r"\s*error: (?:metadata-generation-failed|subprocess-exited-with-error)",
        role=Role.RELAY,
    ),
    Signature(tool="pytest", line=r"(?:FAILED|ERROR) \S+\.py(?:::\S.*)? - "),
    Signature(tool="pytest", line=r"E {3,}\S*(?:Error|Exception): ", role=Role.SIGN),
    Signature(tool="pytest", line=r"(?:FAILED|ERROR) \S+\.py(?:::\S+)?$"),
    Signature(tool="pytest", line=r"E {3,}\S", role=Role.SIGN),
)
