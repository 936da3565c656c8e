"""Cuts a digest to a limit of bytes: what tells least goes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from coordination_tasks.agents.digest.document import (
    Evidence,
    FailureDigest,
    Quoted,
    excerpt_of,
    make_digest,
)
from coordination_tasks.agents.digest.excerpt import cut
from coordination_tasks.domain.errors import BadRequest

DEFAULT_LIMIT = 2000
LEAST_LIMIT = 1500
MOST_LIMIT = 1_000_000
"""Bytes."""

Measure = Callable[[FailureDigest], int]
_Shorten = Callable[[FailureDigest, Evidence], FailureDigest]


def checked_limit(limit: int) -> int:
    """`limit`, if a digest can fit it. Raises BadRequest."""
    if not LEAST_LIMIT <= limit <= MOST_LIMIT:
        raise BadRequest(f"the limit of bytes must be {LEAST_LIMIT} to {MOST_LIMIT}, found {limit}")
    return limit


def fitted(evidence: Evidence, limit: int, size: Measure) -> FailureDigest:
    """The digest with at most `limit` bytes by `size`; `shortened` names what was cut."""
    digest = make_digest(evidence)
    for name, shorten in _SHORTENINGS:
        while size(digest) > limit:
            shorter = shorten(digest, evidence)
            if shorter == digest:
                break
            told = tuple(dict.fromkeys((*digest.shortened, name)))
            digest = replace(shorter, shortened=told)
    return digest


def _fewer_commits(least: int) -> _Shorten:
    return _data(
        lambda data, _: replace(data, commits=data.commits[: max(least, len(data.commits) - 1)])
    )


def _fewer_tests(least: int) -> _Shorten:
    return _data(lambda data, _: replace(data, tests=data.tests[: max(least, len(data.tests) - 1)]))


def _fewer_lines(least: int) -> _Shorten:
    def shorten(data: Quoted, evidence: Evidence) -> Quoted:
        fewer = len(data.excerpt) - 1
        return data if fewer < least else replace(data, excerpt=excerpt_of(evidence, fewer))

    return _data(shorten)


def _data(shorten: Callable[[Quoted, Evidence], Quoted]) -> _Shorten:
    return lambda digest, evidence: replace(digest, data=shorten(digest.data, evidence))


def _shorter_message(most: int) -> _Shorten:
    return _data(lambda data, _: replace(data, message=cut(data.message, most)))


def _shorter_names(digest: FailureDigest, _: Evidence) -> FailureDigest:
    """Half of each name: letters that JSON writes as an escape take up to twelve bytes."""
    data = digest.data
    return replace(
        digest,
        job=_half(digest.job),
        branch=_half_or_none(digest.branch),
        pipeline=_half_or_none(digest.pipeline),
        step=_half_or_none(digest.step),
        commit=_half_or_none(digest.commit),
        code=_half_or_none(digest.code),
        builder=_half_or_none(digest.builder),
        data=replace(
            data, module=_half_or_none(data.module), places=tuple(map(_half, data.places[:1]))
        ),
    )


def _half(text: str) -> str:
    return cut(text, max(4, len(text) // 2))


def _half_or_none(text: str | None) -> str | None:
    return None if text is None else _half(text)


def _without_call(digest: FailureDigest, _: Evidence) -> FailureDigest:
    following = digest.next
    return replace(digest, next=following and replace(following, tool=None, arguments=None))


def _without_command(digest: FailureDigest, _: Evidence) -> FailureDigest:
    following = digest.next
    text = "See `doit status JOB`."
    return replace(digest, next=following and replace(following, command=None, text=text))


_SHORTENINGS: tuple[tuple[str, _Shorten], ...] = (
    ("commits", _fewer_commits(3)),
    ("tests", _fewer_tests(4)),
    ("excerpt", _fewer_lines(8)),
    ("commits", _fewer_commits(1)),
    ("message", _shorter_message(300)),
    ("excerpt", _fewer_lines(4)),
    ("tests", _fewer_tests(1)),
    ("commits", _fewer_commits(0)),
    ("excerpt", _fewer_lines(1)),
    ("message", _shorter_message(120)),
    ("excerpt", _fewer_lines(0)),
    ("similar", lambda digest, _: replace(digest, similar=None)),
    ("next", _without_call),
    ("next", _without_command),
    ("tests", _fewer_tests(0)),
    ("change", lambda digest, _: replace(digest, change=None)),
    ("names", _shorter_names),
    ("message", _shorter_message(20)),
)
"""In this order, each until the digest fits or it changes nothing more."""
