"""Sends notices through the channels that want them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from common.settings.farm import FarmFile
from common.settings.notify import Notify
from coordination_tasks.domain.errors import CoordinationError
from coordination_tasks.farm.alerts.channels.choice import Channels
from coordination_tasks.farm.alerts.message import channels_of, message_of
from coordination_tasks.farm.alerts.settle import Notice

_PAUSES = (2.0, 10.0)
"""Seconds before the second and the third try: most outages of a service are short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Sends for one farm; `notice` receives a line for each channel that failed."""

    farm: FarmFile
    notify: Mapping[str, Sequence[Notify]]
    channels: Channels
    notice: Callable[[str], None]
    sleep: Callable[[float], object] = time.sleep

    def send(self, notices: Sequence[Notice]) -> dict[str, dict[str, str]]:
        """One message to each channel; what channels call a notice, by key and channel."""
        wanted: dict[str, list[Notice]] = {}
        for notice in notices:
            for name in channels_of(notice, self.farm, self.notify):
                wanted.setdefault(name, []).append(notice)
        links: dict[str, dict[str, str]] = {}
        for name, own in wanted.items():
            for key, link in self._send(name, own).items():
                links.setdefault(key, {})[name] = link
        return links

    def _send(self, name: str, notices: Sequence[Notice]) -> Mapping[str, str]:
        entry = self.farm.channels.get(name)
        if entry is None:
            self.notice(f"unknown channel {name!r} in `notify` of a pipeline")
            return {}
        for pause in (*_PAUSES, None):
            try:
                return self.channels.open(name, entry).send(message_of(notices))
            except CoordinationError as error:
                if pause is None:
                    self.notice(f"alert not delivered: {error}")
                else:
                    self.sleep(pause)
        return {}
