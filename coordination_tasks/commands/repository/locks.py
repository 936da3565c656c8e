"""`doit locks`: the named locks in the coordination repository."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from common.cli.command import OPTION_BUILDER, OPTION_JSON, tell
from common.yaml.duration import parse_duration
from coordination_tasks.builder.acting_person import acting
from coordination_tasks.commands.base import FarmCommand, as_json, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.commands.tables import console
from coordination_tasks.documents.locks import DEFAULT_LIFE, Lock
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.timestamps import format_time, utc_now
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.store import open_store


class LocksCommand(FarmCommand):
    """doit command."""

    name = "locks"
    doc_purpose = "list the named locks; take or release one, release expired ones"
    doc_usage = "[--take NAME [--for TIME] | --free NAME | --free-expired] [--as NAME] [--json]"
    doc_description = """
Our own programs need no locks; older ones take `job_assignment` while they change the queue, and
ours wait for it. Take it to stop all builders from claiming and queueing for a while.

Exit codes: 0 listed or done, 1 cannot reach the coordination repository or locks.json is
broken, 3 bad configuration or usage, or another builder holds the lock.
"""
    group = "farm"
    cmd_options = (
        {"name": "take", "long": "take", "type": str, "default": "",
         "help": "take this lock as this builder, or extend it"},
        {"name": "life", "long": "for", "type": str, "default": "",
         "help": f"duration, such as 30m [default: {int(DEFAULT_LIFE.total_seconds())}s]"},
        {"name": "free", "long": "free", "type": str, "default": "",
         "help": "release this lock of this builder"},
        {"name": "free_expired", "long": "free-expired", "type": bool, "default": False,
         "help": "release all expired locks, with a message to all builders"},
        OPTION_AS,
        OPTION_JSON,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        take: str,
        life: str,
        free: str,
        free_expired: bool,
        person: str,
        json: bool,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if sum(map(bool, (take, free, free_expired))) > 1:
            raise BadRequest("--take, --free and --free-expired exclude each other")
        if life and not take:
            raise BadRequest("--for is only for --take")
        seconds = _seconds(life)
        who = acting(person)
        with open_store(self.farm.config(builder), tell, trailers=who.trailers) as store:
            if take:
                store.take_lock(take, seconds, person=who.person)
            elif free:
                was_taken = store.free_lock(free, person=who.person)
                tell(f"released lock {free}" if was_taken else f"no builder holds a lock {free!r}")
            elif free_expired:
                _free_expired(store)
            locks = store.snapshot().locks()
        now = utc_now()
        if json:
            sys.stdout.write(as_json([lock_as_json(lock, now) for lock in locks]) + "\n")
        else:
            _print(locks, now)
        return 0


def lock_as_json(lock: Lock, now: datetime) -> dict[str, object]:
    """A taken lock, for programs; `live` is whether others wait for it."""
    return {
        "name": lock.name,
        "locked_by": lock.locked_by,
        "locked_at": lock.locked_at,
        "expires_at": lock.expires_at,
        "live": lock.is_live(now),
        "by": lock.by or None,
    }


def _seconds(life: str) -> timedelta:
    if not life:
        return DEFAULT_LIFE
    try:
        return timedelta(seconds=parse_duration(life))
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"--for {life[:40]!r}: {error}") from error


def _free_expired(store: Store) -> None:
    freed = store.free_expired_locks()
    for lock in freed:
        tell(f"released expired lock {lock.name} held by {lock.locked_by}")
    if not freed:
        tell("no lock has expired")


def _print(locks: Iterable[Lock], now: datetime) -> None:
    table = Table("lock", "held by", "since", "until", "", box=None)
    for lock in locks:
        live = lock.is_live(now)
        table.add_row(
            Text(lock.name),
            Text(f"{lock.locked_by} ({lock.by})" if lock.by else lock.locked_by),
            format_time(lock.locked_at) if lock.locked_at else "-",
            format_time(lock.expires_at) if lock.expires_at else "-",
            Text("held", style="bold cyan") if live else Text("expired", style="yellow"),
        )
    console().print(table if table.row_count else "no lock is taken")
