"""dpkg, debhelper, lintian and apt. Pure.

dpkg-dev and debhelper start their error lines with the program's name, apt with `E: `.
"""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

_DPKG = r"dpkg-?[\w-]*: "

DEBIAN = (
    Signature(
        tool="dpkg-checkbuilddeps",
        # dpkg 1.22 writes them small, and "unmet build conflicts".
        line=r"dpkg-checkbuilddeps: error: (?i:unmet build (?:dependencies|conflicts)"
        r"|build conflicts): ",
        code=FailureCode.BUILD_DEPENDS,
    ),
    Signature(
        tool="dpkg-checkbuilddeps",
        line=r"dpkg-buildpackage: warning: (?:build dependencies|\(Use -d flag)",
        role=Role.RELAY,
    ),
    Signature(
        tool="patch",
        line=r"Hunk #\d+ FAILED at|can't find file to patch|patch: \*\*\*\* ",
        before=1,
        after=r"Hunk #|\d+ out of \d+ hunks? ",
    ),
    Signature(
        tool="dpkg",
        line=_DPKG + r"error: .*subprocess (?:returned exit status|was)"
        r"|" + _DPKG + r"error: cannot continue due to the error",
        role=Role.RELAY,
    ),
    Signature(
        tool="maintainer script",
        line=r"dpkg: error processing (?:package|archive) \S+ \(--\w+\)",
        before=4,
        after=r" \S",
    ),
    Signature(
        tool="dpkg",
        line=_DPKG + r"warning:\s+.*(?:invalid|badly formatted|is not|unknown|illegal)",
        role=Role.SIGN,
        after=r"LINE: ",
    ),
    Signature(
        tool="dpkg", line=_DPKG + r"(?:unrecoverable fatal )?error: ", at_end=True, after=r" +\S"
    ),
    Signature(
        tool="debhelper",
        line=r"dh_?\w*: error: .* returned exit code \d+$|dh_?\w*: error: Aborting due to earlier",
        role=Role.RELAY,
    ),
    Signature(
        tool="debhelper",
        line=r"dh_missing: (?:warning|error): \S+ exists in ",
        role=Role.SIGN,
    ),
    Signature(tool="debhelper", line=r"dh_\w+: warning: .*missing files: ", role=Role.SIGN),
    Signature(tool="debhelper", line=r"dh_\w+: warning: Cannot find ", role=Role.SIGN),
    Signature(tool="debhelper", line=r"(?:dh|dh_\w+): error: ", after=r"\t"),
    Signature(
        tool="lintian",
        line=r"E: [a-z0-9.+-]+(?: (?:source|changes|buildinfo|udeb))?: [a-z0-9-]+(?: |$)",
    ),
    Signature(
        tool="apt",
        line=r"E: Failed to fetch .*(?:Could not (?:connect|resolve)|Temporary failure|Connection"
        r"|timed out|5\d\d +[A-Z]|429 )|Err:\d+ .*(?:Could not|Temporary)",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="apt",
        line=r"E: Could not get lock |E: Unable to (?:acquire the dpkg frontend lock|lock )",
        retry=True,
    ),
    Signature(
        tool="apt",
        line=r"The following packages have unmet dependencies:",
        role=Role.SIGN,
        after=r" ",
    ),
    Signature(tool="apt", line=r"E: (?:Sub-process |Some index files failed)", role=Role.RELAY),
    Signature(tool="apt", line=r"E: "),
)
