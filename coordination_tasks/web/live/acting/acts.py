"""What people can do on the pages: the acts of the command line, each first shown, then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coordination_tasks.builder.acting_person import Acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.control.acting import open_control
from coordination_tasks.commands.control.cancel import cancel_jobs
from coordination_tasks.commands.jobs.enqueue import Wanted, queue
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.model import Job
from coordination_tasks.store.operations.control import JobChange, NextAttempt
from coordination_tasks.wiring.farm import Farm

Values = Mapping[str, str]
_AGENT = "the web page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An act that a person wants, checked."""

    farm: Farm
    config: BuilderConfig
    who: Acting
    target: str
    """The id of a job or builder; "": the act has no target."""
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value that an act takes."""

    name: str
    label: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act. Its target is a job, a builder, or nothing."""

    name: str
    title: str
    """What it does, such as `Cancel the job`."""
    target: str
    """`job`, `builder`, or ""."""
    fields: Sequence[Field]
    run: Callable[[Order], str]
    """Does it; returns what was done."""


def _cancel(order: Order) -> str:
    [done] = cancel_jobs(order.config, order.who, (order.target,), order.values.get("reason", ""))
    return f"{done.id} is cancelled"


def _retry(order: Order) -> str:
    following = NextAttempt(
        wanted_builder=order.values.get("on") or None,
        replan=order.values.get("replan") == "yes",
        from_step=order.values.get("from", ""),
    )
    with open_control(order.config, order.who, names=order.values.get("on", "")) as control:
        [done] = control.retry((order.target,), following)
    return f"{done.id} is queued again"


def _priority(order: Order) -> str:
    text = order.values.get("priority", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 2):  # noqa: PLR2004
        raise BadRequest(f"priority expects 1 (first) to 10 (last), found {text[:20]!r}")
    with open_control(order.config, order.who) as control:
        [done] = control.change((order.target,), JobChange(priority=int(text)))
    return f"{done.id} has priority {done.priority}"


def _hold(order: Order) -> str:
    held = order.values.get("held") != "no"
    with open_control(order.config, order.who) as control:
        [done] = control.change((order.target,), JobChange(hold=held))
    return f"{done.id} is {'held' if held else 'released'}"


def _drain(order: Order) -> str:
    with open_control(order.config, order.who, names=order.target) as control:
        return f"{order.target} is {control.drain(order.target, order.values.get('reason', ''))}"


def _resume(order: Order) -> str:
    with open_control(order.config, order.who, names=order.target) as control:
        was = control.resume(order.target)
    return f"{order.target} claims jobs again" if was else f"{order.target} was not drained"


def _enqueue(order: Order) -> str:
    branch, commit = order.values.get("branch", ""), order.values.get("commit", "")
    request = Job(
        id="",
        pipeline=order.values.get("pipeline", ""),
        commit=commit.lower() or None,
        params=_params(order.values.get("params", "")),
        description=order.values.get("description", ""),
    )
    wanted = Wanted(
        request=request, branches=(branch,) if branch else (), tag=order.values.get("tag", "")
    )
    [job] = queue(order.farm, wanted, order.who, order.config.profile.id)
    return f"{job.id} is queued"


def _params(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, value = line.partition("=")
        if not sign or not name.strip():
            raise BadRequest(f"parameters expect NAME=VALUE on each line, found {line[:60]!r}")
        if name.strip() in found:
            raise BadRequest(f"parameter {name.strip()[:60]!r} is given twice")
        found[name.strip()] = value.strip()
    return found


_REASON = Field(name="reason", label="Reason, shown to everybody")
_ALL = (
    Act(name="cancel", title="Cancel the job", target="job", fields=(_REASON,), run=_cancel),
    Act(
        name="retry",
        title="Queue the job again",
        target="job",
        fields=(
            Field(name="on", label="Only on this builder (empty: as before; any: every builder)"),
            Field(name="from", label="From this step on (empty: what failed)"),
            Field(name="replan", label="Use the current pipelines file (yes or empty)"),
        ),
        run=_retry,
    ),
    Act(
        name="priority",
        title="Change the priority",
        target="job",
        fields=(Field(name="priority", label="1 is first, 10 last", required=True),),
        run=_priority,
    ),
    Act(
        name="hold",
        title="Hold or release the job",
        target="job",
        fields=(Field(name="held", label="Hold it (no: release it)"),),
        run=_hold,
    ),
    Act(
        name="drain",
        title="Drain: finish the job that runs, claim no more",
        target="builder",
        fields=(_REASON,),
        run=_drain,
    ),
    Act(name="resume", title="Resume: claim jobs again", target="builder", fields=(), run=_resume),
    Act(
        name="enqueue",
        title="Queue a job",
        target="",
        fields=(
            Field(name="pipeline", label="Pipeline", required=True),
            Field(name="branch", label="Branch"),
            Field(name="commit", label="Commit, of that branch"),
            Field(name="tag", label="Tag, instead of a branch"),
            Field(name="params", label="Parameters, NAME=VALUE on each line"),
            Field(name="description", label="Description"),
        ),
        run=_enqueue,
    ),
)
ACTS: Mapping[str, Act] = {act.name: act for act in _ALL}


def acts_on(target: str) -> tuple[Act, ...]:
    """The acts on a kind of target."""
    return tuple(act for act in _ALL if act.target == target)


def checked(act: Act, given: Values) -> dict[str, str]:
    """The values of an act. Raises BadRequest for unknown, missing and long ones."""
    known = {each.name: each for each in act.fields}
    if unknown := sorted(given.keys() - known.keys()):
        raise BadRequest(f"{act.name} takes no {unknown[0][:60]!r} (known: {', '.join(known)})")
    values = {name: value.strip() for name, value in given.items() if value.strip()}
    for name, each in known.items():
        if each.required and name not in values:
            raise BadRequest(f"{act.name} needs {name!r}")
    if long := [name for name, value in values.items() if len(value) > _LONGEST]:
        raise BadRequest(f"{long[0]!r} is longer than {_LONGEST} characters")
    return values


_LONGEST = 10_000


def who_acts(person: str) -> Acting:
    """The person of a token, who acts by the pages."""
    return Acting(human=person, agent=_AGENT)
