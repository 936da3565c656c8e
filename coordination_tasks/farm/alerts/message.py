"""The text of a message, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.settings.farm import FarmFile
from common.settings.notify import Notify, When
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.farm.alerts.causes import JOB_ENDED, JOB_FAILED
from coordination_tasks.farm.alerts.settle import Notice

_SHOWN = 20
_LONGEST_TITLE = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: a single notice, or a digest of several."""

    title: str
    body: str
    notices: tuple[Notice, ...]

    @property
    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "title": self.title,
            "notices": [
                {
                    "key": notice.key,
                    "kind": notice.alert.kind,
                    "state": "over" if notice.is_over else "open",
                    "text": notice.alert.text,
                    "pipeline": notice.alert.pipeline or None,
                    "since": format_time(notice.alert.since) if notice.alert.since else None,
                }
                for notice in self.notices
            ],
        }


def message_of(notices: Sequence[Notice]) -> Message:
    """A message about these; its title names the first one."""
    lines = [_line(notice) for notice in notices]
    title = lines[0][:_LONGEST_TITLE]
    if len(lines) > 1:
        title = f"{len(lines)} notices of the build farm: {lines[0]}"[:_LONGEST_TITLE]
    shown = lines[:_SHOWN]
    if len(lines) > _SHOWN:
        shown.append(f"… and {len(lines) - _SHOWN} more; see `doit alerts`")
    return Message(title=title, body="\n".join(shown), notices=tuple(notices))


def _line(notice: Notice) -> str:
    text = " ".join(notice.alert.text.split())
    return f"over: {text}" if notice.is_over else text


def channels_of(
    notice: Notice, farm: FarmFile, notify: Mapping[str, Sequence[Notify]]
) -> tuple[str, ...]:
    """The names of the channels that are told; `notify` by pipeline."""
    kind, wanted = notice.alert.kind, notify.get(notice.alert.pipeline, ())
    if kind in (JOB_FAILED, JOB_ENDED) and (wanted or kind == JOB_ENDED):
        when = When.RECOVERY if notice.is_over else When.FAILURE
        when = When.ALWAYS if kind == JOB_ENDED else when
        return tuple(
            dict.fromkeys(name for each in wanted if when in each.when for name in each.to)
        )
    return tuple(
        name
        for name, channel in farm.channels.items()
        if channel.alerts is None or kind in channel.alerts
    )
