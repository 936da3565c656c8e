"""Lines of any tool about the machine: a full disk, no memory, no network, a signal. Pure.

Only a tool's own error line counts: `PROGRAM: …: No space left on device`. The same words inside a
sentence, a test's name or a test's output do not count.
"""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

_PROGRAM = r"(?:[\w./+-]+(?:\[\d+\])?: )+"

MACHINE = (
    Signature(
        tool="disk",
        line=_PROGRAM + r".{0,300}\b(?:No space left on device|Disk quota exceeded)\W{0,3}$",
        code=FailureCode.DISK_FULL,
    ),
    Signature(
        tool="disk",
        line=r"(?:Caused by: )?java\.io\.IOException: (?:No space left on device|Disk quota)",
        code=FailureCode.DISK_FULL,
    ),
    Signature(
        tool="disk",
        line=r"(?:npm (?:ERR!|error) code ENOSPC|OSError: \[Errno 28\]|error: ENOSPC: )",
        code=FailureCode.DISK_FULL,
    ),
    Signature(
        tool="memory",
        line=r"Terminating due to java\.lang\.OutOfMemoryError|The system is out of resources\.$"
        r"|# There is insufficient memory for the Java Runtime",
        code=FailureCode.OUT_OF_MEMORY,
        after=r"# |Consult the following",
    ),
    Signature(
        tool="memory",
        line=r"FATAL ERROR: .*JavaScript heap out of memory"
        r"|(?:\S+: )?(?:fatal error|virtual memory exhausted): .*(?:Cannot allocate|out of memory)"
        r"|virtual memory exhausted: |fatal error: runtime: out of memory"
        r"|memory allocation of \d+ bytes failed|MemoryError(?:$|: )"
        r"|(?:Error|Could not reserve enough space)\b.*object heap$"
        r"|Exception in thread \S+ java\.lang\.OutOfMemoryError",
        code=FailureCode.OUT_OF_MEMORY,
    ),
    Signature(
        tool="memory",
        line=_PROGRAM + r".{0,200}\bCannot allocate memory$",
        code=FailureCode.OUT_OF_MEMORY,
    ),
    Signature(
        tool="network",
        line=r"Exception in thread \"main\" java\.(?:io\.FileNotFoundException: https?://"
        r"|io\.IOException: Server returned HTTP response code: 4)",
        code=FailureCode.NETWORK,
    ),
    Signature(
        tool="network",
        line=r"Exception in thread \"main\" java\.(?:net\.(?:UnknownHost|Connect|NoRouteToHost"
        r"|SocketTimeout)Exception|io\.IOException: Server returned HTTP response code: 5)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="network",
        line=r"(?:[\d: -]{0,25}ERROR |wget: .{0,60}|curl: \(22\) .{0,60})\b(?:401|403|404|410)\b",
        code=FailureCode.NETWORK,
        before=2,
    ),
    Signature(
        tool="network",
        line=r"curl: \((?:5|6|7|18|28|35|52|55|56|92)\) |wget: unable to resolve"
        r"|failed: (?:Connection refused|Temporary failure in)"
        r"|Resolving \S+ \(\S+\)\.\.\. failed: |Connecting to \S+ .*failed: "
        r"|[\d: -]{0,25}ERROR (?:429|5\d\d): |curl: \(22\) .*(?:429|5\d\d)$",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    # Maven's wrapper, whose wget or curl reports the cause above it, unless it is quiet.
    Signature(
        tool="network", line=r"(?:wget|curl): Failed to fetch ", code=FailureCode.NETWORK, before=1
    ),
    Signature(
        tool="signal",
        line=r"(?:\S+: line \d+: +\d+ +)?(?:Killed|Terminated)(?: {2,}.*)?$"
        r"|g?make(?:\[\d+\])?: \*\*\* .*\] (?:Killed|Terminated)$"
        r"|.*\bsubprocess was killed by signal (?:9|15)\b|.*fatal error: Killed signal terminated",
        code=FailureCode.KILLED,
        retry=True,
    ),
    Signature(
        tool="signal",
        line=r"(?:\S+: line \d+: +\d+ +)?(?:Segmentation fault|Aborted|Bus error"
        r"|Illegal instruction|Floating point exception)(?: \(core dumped\))?(?: {2,}.*)?$"
        r"|g?make(?:\[\d+\])?: \*\*\* .*\] (?:Segmentation fault|Aborted|Bus error|Illegal instr)"
        r"|.*\bsubprocess was killed by signal \d+\b",
        code=FailureCode.KILLED,
        before=2,
    ),
    Signature(
        tool="make", line=r"g?make(?:\[\d+\])?: \[.*\] Error \d+ \(ignored\)", role=Role.ACCEPTED
    ),
)
