"""Node and its package managers and bundlers. Pure."""

from __future__ import annotations

from pipelines.domain.errors import FailureCode
from pipelines.failures.signature import Role, Signature

_NPM = r"npm (?:ERR!|error) "
_OFFLINE = (
    r"(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|E5\d\d|E429)"
)

JAVASCRIPT = (
    Signature(
        tool="npm",
        line=_NPM + rf"code {_OFFLINE}",
        code=FailureCode.NETWORK,
        retry=True,
        after=_NPM,
    ),
    Signature(
        tool="pnpm",
        line=rf"\s?ERR_PNPM_\w+\s.*{_OFFLINE}",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="yarn",
        line=rf"(?:error |➤ YN0001:).*{_OFFLINE}"
        r"|error An unexpected error occurred: \"https?://.*getaddrinfo",
        code=FailureCode.NETWORK,
        retry=True,
    ),
    Signature(
        tool="npm",
        line=_NPM + r"(?:A complete log|Lifecycle script|errno |path |workspace |location |$"
        r"|command |code (?:\d+|ELIFECYCLE)$)|error Command failed with exit code"
        r"|\s?ELIFECYCLE.*Command failed|info Visit https://yarnpkg|➤ YN0000: .*Failed with errors",
        role=Role.RELAY,
    ),
    Signature(tool="npm", line=_NPM + r"(?:Missing script|404 |notarget |ERESOLVE|.*not found)"),
    Signature(
        tool="npm",
        line=_NPM
        + r"(?!code |syscall |dest |file |cwd |Usage:|Options:|\[-|  |aliases: |Run \")\S",
    ),
    Signature(tool="npm", line=_NPM, role=Role.SIGN),
    Signature(tool="pnpm", line=r"\s?ERR_PNPM_\w+\s"),
    Signature(
        tool="yarn",
        line=r"error (?!Command failed)\S|➤ YN0028: .*The lockfile would|(?:Internal|Usage) Error: "
        r"|➤ YN(?:0001|0002|0009|0010|0018|0027|0035|0041|0058|0066|0078|0081|0082): ",
    ),
    Signature(tool="yarn", line=r"➤ YN0028: ", role=Role.SIGN),
    Signature(
        tool="typescript",
        line=r"(?P<file>\S+?\.[cm]?tsx?)[:(](?P<line>\d+)[:,]\d+\)?(?::| -) error "
        r"(?P<what>TS.*)",
    ),
    Signature(
        tool="webpack",
        line=r"(?:ERROR in \S|Module not found: |✘ \[ERROR\] |\[vite\]: Rollup failed)",
        after=r"\S|  ",
    ),
    Signature(tool="jest", line=r"\s*● .* \u203a ", after=r"    "),
)
