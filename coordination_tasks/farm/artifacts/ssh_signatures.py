"""Signatures by ssh keys over documents: `ssh-keygen -Y`.

A signature is kept as one line: the base64 between the first and last line of ssh-keygen's file.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import wrap

from coordination_tasks.domain.errors import BadConfiguration

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_WIDTH = 70
_MAGIC, _KEY_AT = b"SSHSIG", 14
"""Where the key begins: after magic, version and its own length."""
_PATIENCE = 60.0
"""Seconds: an agent may ask a person."""
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]+")
_KEY_TYPE = re.compile(r"(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+")


class SignatureRefused(Exception):
    """The signature does not count; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One line of a file of allowed signers."""

    principals: str
    """Patterns separated by commas."""
    fingerprint: str
    """`SHA256:…`, as ssh-keygen shows it."""
    comment: str
    after: str
    """`valid-after` as it is written, or ""."""
    before: str
    """`valid-before` as it is written, or ""."""


def sign(key: Path, namespace: str, data: bytes) -> str:
    """The signature of `data`; a public key signs with the agent. Raises BadConfiguration."""
    done = _keygen(["-Y", "sign", "-f", str(key), "-n", namespace], data)
    if done.returncode:
        raise BadConfiguration(f"cannot sign with {key}: {_said(done)}")
    return "".join(done.stdout.decode().split("\n")[1:]).partition("-----")[0]


def key_fingerprint(key: Path) -> str:
    """`SHA256:…` of a key. Raises BadConfiguration."""
    done = _keygen(["-l", "-f", str(key)], b"")
    found = _FINGERPRINT.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or found is None:
        raise BadConfiguration(f"cannot read the key {key}: {_said(done)}")
    return found[0]


def check_signature(
    signature: str, namespace: str, data: bytes, signers: Path, principal: str, at: datetime
) -> str:
    """Whether `principal` signed `data`, with a key that was valid then; returns its fingerprint.

    Raises SignatureRefused, BadConfiguration.
    """
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(as_file(signature))
        file.flush()
        named = ["-n", namespace, "-s", file.name]
        made = _keygen(["-Y", "check-novalidate", *named], data)
        found = _FINGERPRINT.search(made.stdout.decode("utf-8", "replace"))
        if made.returncode or found is None:
            raise SignatureRefused("the signature is not one of this content")
        when = f"verify-time={at.astimezone(UTC):%Y%m%d%H%M%S}"
        words = ["-Y", "verify", "-f", str(signers), "-I", principal, "-O", when, *named]
        done = _keygen(words, data)
    if done.returncode:
        raise SignatureRefused(_why(found[0], principal, read_signers(signers), at))
    return found[0]


def check_signature_of_anybody(
    signature: str, namespace: str, data: bytes, signers: Path, *, at: datetime
) -> str:
    """Whether somebody whom `signers` names signed `data`; returns their name there.

    Raises SignatureRefused, BadConfiguration.
    """
    known = read_signers(signers)
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(as_file(signature))
        file.flush()
        named = ["-n", namespace, "-s", file.name]
        made = _keygen(["-Y", "check-novalidate", *named], data)
    found = _FINGERPRINT.search(made.stdout.decode("utf-8", "replace"))
    names = [s.principals.split(",")[0] for s in known if found and s.fingerprint == found[0]]
    # without a line for the key, the check says what is wrong
    for name in names[:-1]:
        with suppress(SignatureRefused):
            check_signature(signature, namespace, data, signers, name, at)
            return name
    principal = names[-1] if names else ""
    check_signature(signature, namespace, data, signers, principal, at)
    return principal


def signer_of(signature: str) -> str:
    """Fingerprint of the key that a signature names, unchecked; "" when it is none of ssh-keygen.

    The format is that of OpenSSH's PROTOCOL.sshsig: magic, version, then the public key.
    """
    try:
        data = base64.b64decode(signature, validate=True)
    except ValueError:
        return ""
    size = int.from_bytes(data[_KEY_AT - 4 : _KEY_AT], "big")
    key = data[_KEY_AT : _KEY_AT + size]
    return _fingerprint(key) if data.startswith(_MAGIC) and len(key) == size > 0 else ""


def as_file(signature: str) -> bytes:
    """The signature as ssh-keygen writes and reads it."""
    return "\n".join([_BEGIN, *wrap(signature, _WIDTH), _END, ""]).encode()


def read_signers(path: Path) -> Sequence[Signer]:
    """The lines of a file of allowed signers. Raises BadConfiguration."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"cannot read allowed_signers {path}: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                found.append(_signer(line))
            except ValueError as error:
                raise BadConfiguration(f"{path}:{number}: {error}") from error
    return found


def is_named(principal: str, signer: Signer) -> bool:
    """Whether the line is about this principal."""
    return any(fnmatchcase(principal, pattern) for pattern in signer.principals.split(","))


def is_valid(signer: Signer, at: datetime) -> bool:
    """Whether the line counts at that time; its times are UTC."""
    moment = f"{at.astimezone(UTC):%Y%m%d%H%M%S}"
    return signer.after.ljust(14, "0") <= moment and (
        not signer.before or moment <= signer.before.ljust(14, "0")
    )


def _signer(line: str) -> Signer:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words = list(lexer)
    place = next((n for n, word in enumerate(words) if _KEY_TYPE.fullmatch(word)), 0)
    if not 1 <= place < len(words) - 1:
        raise ValueError("expected `PRINCIPALS [OPTIONS] KEYTYPE KEY [COMMENT]`")
    options = " ".join(words[1:place])
    try:
        fingerprint = _fingerprint(base64.b64decode(words[place + 1], validate=True))
    except ValueError as error:
        raise ValueError("the key is not base64") from error
    return Signer(
        principals=words[0],
        fingerprint=fingerprint,
        comment=" ".join(words[place + 2 :]),
        after=_option("valid-after", options),
        before=_option("valid-before", options),
    )


def _fingerprint(key: bytes) -> str:
    return f"SHA256:{base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip('=')}"


def _option(name: str, options: str) -> str:
    found = re.search(rf"{name}=(\d+)", options)
    return found[1] if found else ""


def _why(fingerprint: str, principal: str, signers: Sequence[Signer], at: datetime) -> str:
    known = [signer for signer in signers if signer.fingerprint == fingerprint]
    own = [signer for signer in known if is_named(principal, signer)]
    if not known:
        return f"it is signed by an unknown key, {fingerprint}"
    if not own:
        return f"it is signed by the key of {known[0].principals}, not by {principal}"
    if not any(is_valid(signer, at) for signer in own):
        times = (f"from {own[0].after}" * bool(own[0].after), f"until {own[0].before}")
        return (
            f"the key {fingerprint} of {principal} was not valid at {at:%Y-%m-%d %H:%M} UTC"
            f" ({' '.join(filter(None, times))})"
        )
    return f"the key {fingerprint} of {principal} may not sign this"


def _keygen(words: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    # times without a zone are UTC; without a terminal it asks for no passphrase
    env = {**os.environ, "TZ": "UTC", "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
    try:
        return subprocess.run(
            ["ssh-keygen", *words],
            input=data,
            capture_output=True,
            check=False,
            env=env,
            timeout=_PATIENCE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise BadConfiguration(
            "ssh-keygen is not on PATH: apt-get install openssh-client"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BadConfiguration(f"ssh-keygen was ended after {_PATIENCE:g} s") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    with suppress(IndexError):
        return said[-1].strip()
    return f"exit code {done.returncode}"
