"""The looks of a builder at the triggers of its pipelines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from coordination_tasks.build.ports import Pipelines
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.documents.paths import trigger_looks_path
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import utc_now
from coordination_tasks.farm.presence.observations import builder_places
from coordination_tasks.farm.presence.observer import Observer
from coordination_tasks.farm.signed_jobs import is_signed, job_signer
from coordination_tasks.farm.triggers.looks import TriggerLooks
from coordination_tasks.farm.triggers.record import Looks, last_looks, look_record, read_looks
from coordination_tasks.store.snapshot import Snapshot
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.clones import heartbeats


def farm_looks(config: BuilderConfig, snapshot: Snapshot) -> Looks:
    """The last look at each trigger by any builder, as heartbeats and our own disk show them.

    Raises Unavailable.
    """
    beats = heartbeats(config)
    signs = beats.signs()
    places = {
        name: place for name, place in builder_places(snapshot, signs).items() if place in signs
    }
    paths = {place: trigger_looks_path(name) for name, place in places.items()}
    files = beats.read(paths, signs)
    others = [read_looks(files[place], name) for name, place in places.items() if place in files]
    return last_looks([look_record(config.state_dir).read(config.profile.id), *others])


def trigger_looks(
    config: BuilderConfig,
    pipelines: Pipelines,
    store: Store,
    observer: Observer,
    notice: Callable[[str], None],
) -> TriggerLooks:
    """The looks, in turns of a watch that `observer` precedes."""

    def check(job: Job) -> None:
        pipelines.check_job(
            job.pipeline or "",
            job.params,
            job_id=job.id,
            branch=job.branch or "",
            commit=job.commit or "",
        )

    return TriggerLooks(
        builder=config.profile.id,
        store=store,
        snapshot=lambda: observer.snapshot,
        sources=lambda: pipelines.watched(config.state_dir),
        check=check,
        every=config.observe_every,
        record=look_record(config.state_dir),
        clock=utc_now,
        monotonic=time.monotonic,
        notice=notice,
        signed=_signer(config, pipelines),
    )


def _signer(config: BuilderConfig, pipelines: Pipelines) -> Callable[[Job, Job | None], Job]:
    sign = job_signer(config)

    def signed(job: Job, after: Job | None) -> Job:
        # others can write that a job has succeeded: what follows from it needs its signature
        if sign is None or (after is not None and not is_signed(config, after)):
            return job
        if job.commit is None:
            tip = pipelines.branch_commit(job.pipeline or "", job.branch or "")
            job = replace(job, commit=tip)
        return sign(job)

    return signed
