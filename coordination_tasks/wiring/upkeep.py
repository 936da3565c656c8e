"""What a builder does besides its steps: it sends heartbeats and logs, and watches the others."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from common.atomic_files import write_durably
from coordination_tasks.build.attempt.attempt_log import AttemptLog
from coordination_tasks.build.attempt.keepalive import Keepalive, KeepaliveThread
from coordination_tasks.build.logs.published import AttemptLogs
from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.builder.config.heartbeat import BESIDE_OLD_PROGRAMS
from coordination_tasks.builder.host_load import read_host_load
from coordination_tasks.documents.paths import trigger_looks_path
from coordination_tasks.domain.errors import CoordinationError, in_words
from coordination_tasks.domain.model import BuilderProfile
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence.beater import Beater
from coordination_tasks.farm.presence.observations import Presence
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.presence.twins import Twins
from coordination_tasks.farm.triggers.record import look_record, looks_data
from coordination_tasks.farm.wake_call import WakeCalls
from coordination_tasks.farm.work.sign_of_life import SignOfLife
from coordination_tasks.repository.step_logs import StepLogs
from coordination_tasks.store.old_programs import old_builders
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.clones import heartbeats, push_budget, step_logs
from coordination_tasks.wiring.reading import observations


def beater(
    config: BuilderConfig, store: Store, look: Observer, *, announces: bool = False
) -> Beater:
    """The sender of this builder's heartbeats, in a farm that `look` observes.

    `announces`: it publishes first that this builder is idle, if old programs should know.
    """

    def main_every() -> float:
        every = config.heartbeat.main_every
        if every is not None:
            return every
        snapshot = look.snapshot
        own = config.profile.id
        is_needed = snapshot is not None and old_builders(snapshot, utc_now(), own=own)
        return BESIDE_OLD_PROGRAMS if is_needed else math.inf

    def looks() -> Mapping[str, bytes]:
        found = look_record(config.state_dir).read()
        return {trigger_looks_path(config.profile.id): looks_data(found)} if found else {}

    return Beater(
        _profile(config),
        heartbeats(config),
        push_budget(config),
        on_facts=store.beat,
        main_every=main_every,
        announce=store.publish_idle if announces else None,
        always=looks,
        load=lambda: read_host_load(config.state_dir),
        clock=utc_now,
        monotonic=time.monotonic,
    )


def observer(
    config: BuilderConfig,
    store: Store,
    notice: Callable[[str], None],
    found: Callable[[Mapping[str, Presence]], None] = lambda _: None,
    *,
    person: str = "",
) -> Observer:
    """The observer of the other builders; `found` gets what each look says of them.

    `person`: see Observer.
    """
    beats, presences = heartbeats(config), observations(config)
    twins = Twins(_profile(config), beats, notice)

    def seen(snapshot: Snapshot, signs: Mapping[str, str]) -> None:
        found(presences.look(snapshot, signs))
        twins.look(signs)

    return Observer(
        store,
        beats,
        lease=config.lease,
        monotonic=time.monotonic,
        notice=notice,
        seen=seen,
        person=person,
    )


def _profile(config: BuilderConfig) -> BuilderProfile:
    """The builder's profile with its instance, which is made when there is none."""
    path = config.state_dir / "instance"
    try:
        if not path.exists():
            mine = path.with_name(f".instance.{uuid.uuid4().hex}")
            write_durably(mine, uuid.uuid4().hex.encode())
            with suppress(FileExistsError):  # of two processes the first decides
                path.hardlink_to(mine)
            mine.unlink()
        return replace(config.profile, instance=path.read_text(errors="replace").strip())
    except OSError:
        return config.profile  # a full disk must not silence the builder


def attempt_logs(
    config: BuilderConfig, pipelines: Pipelines, log: AttemptLog, published: StepLogs | None = None
) -> AttemptLogs:
    """The publisher of an attempt's logs, by default in the coordination repository."""
    running, workspaces = log.running, pipelines.workspaces(config.state_dir)
    return AttemptLogs(
        attempt=running.claimed,
        limits=config.logs,
        published=published or step_logs(config),
        path=lambda step: workspaces.log(running.job_id, running.attempt, step),
        secrets=lambda: tuple(log.running.secrets.values()),
        clock=utc_now,
    )


def keepalive(
    config: BuilderConfig,
    store: Store,
    log: AttemptLog,
    logs: AttemptLogs,
    notice: Callable[[str], None],
) -> KeepaliveThread:
    """The thread that keeps the claim while the steps run."""
    look = observer(config, store, notice)
    upkeep = Keepalive(
        log=log,
        logs=logs,
        observer=look,
        beater=beater(config, store, look),
        budget=push_budget(config),
        flush_every=config.flush_every,
        observe_every=config.observe_every,
        beat_every=config.heartbeat.building,
        monotonic=time.monotonic,
        boottime=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    )
    sign = SignOfLife(config.state_dir)

    def turn() -> None:
        sign.give()
        upkeep.run_due()

    return KeepaliveThread(
        turn,
        look=upkeep.look,
        is_fresh=upkeep.is_fresh,
        every=upkeep.tick,
        on_lost=log.stop.lose,
        on_trouble=lambda error: notice(f"warning: {_while_building(error)}"),
        calls=_wake_calls(config),
        on_call=upkeep.look_now,
    )


def _wake_calls(config: BuilderConfig) -> WakeCalls | None:
    # without them, as on a full disk, the build looks at the repository as often as otherwise
    with suppress(OSError):
        return WakeCalls(config.state_dir)
    return None


def _while_building(error: Exception) -> str:
    continues = error.retryable if isinstance(error, CoordinationError) else True
    return f"{in_words(error)}; the build continues" if continues else str(error)
