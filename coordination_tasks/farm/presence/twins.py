"""Notices that another host sends heartbeats under the id of this builder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coordination_tasks.documents.builder_status import read_status
from coordination_tasks.documents.paths import status_path
from coordination_tasks.domain.errors import BrokenDocument, Unavailable
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.repository.heartbeats import Heartbeats, own_place

_LIVES = 2
"""Foreign heartbeats: the first may be the last one of a state_dir that was lost."""


class Twins:
    """Looks for twins of the builder `profile`, and reports the first one to `notice`."""

    def __init__(
        self, profile: BuilderProfile, heartbeats: Heartbeats, notice: Callable[[str], None]
    ) -> None:
        self._profile = profile
        self._place = profile.heartbeats_at or own_place(profile.id)
        self._heartbeats = heartbeats
        self._notice = notice
        self._sign: str | None = None
        self._foreign = 0

    def look(self, signs: Mapping[str, str]) -> None:
        """Check the newest heartbeat under our id, by the current signs of all places."""
        sign = signs.get(self._place)
        if sign is None or sign == self._sign or self._foreign >= _LIVES:
            return
        try:
            other = self._instance(sign)
        except (BrokenDocument, Unavailable):
            return  # no answer: the next look asks again
        self._sign = sign
        if other and other != self._profile.instance:
            self._foreign += 1
            if self._foreign == _LIVES:
                self._notice(
                    f"warning: another host sends heartbeats as builder {self._profile.id}."
                    " Give each host an id of its own (`builder` in builder.yaml)."
                )

    def _instance(self, sign: str) -> str:
        """The instance that sent the heartbeat with this sign; "" when it does not say."""
        paths = {self._place: status_path(self._profile.id)}
        data = self._heartbeats.read(paths, {self._place: sign}).get(self._place)
        return "" if data is None else read_status(self._profile.id, data, None).instance
