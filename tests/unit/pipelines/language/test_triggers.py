from __future__ import annotations

from datetime import datetime

import pytest

from common.settings.triggers import Push, Schedule, Supersede, Triggers
from common.yaml.findings import InvalidFile
from tests.support.pipelines.reading import HEAD, findings, read, read_all

STEPS = "steps: [{name: s, run: 'true'}]\n"


def test_triggers_are_read() -> None:
    text = """\
    triggers:
      push: {branches: [main, "4.*"], paths: "src/*", tags: "v*", supersede: running}
      schedule: {cron: "30 2 * * MON-FRI", timezone: Europe/Berlin, branch: main}
      after: q
    """
    indented = "".join(f"  {line}\n" for line in f"{HEAD}{STEPS}".splitlines())
    both = read_all(
        f"p:\n{indented}{text[2:].replace(chr(10) + '    ', chr(10) + '  ')}\nq:\n{indented}"
    )
    assert both["q"].triggers == Triggers()
    assert both["p"].triggers == Triggers(
        push=Push(
            branches=("main", "4.*"),
            paths=("src/*",),
            tags=("v*",),
            supersede=Supersede.RUNNING,
        ),
        schedules=(Schedule(cron="30 2 * * MON-FRI", timezone="Europe/Berlin", branch="main"),),
        after=("q",),
    )


def test_several_schedules() -> None:
    one = "{cron: '0 1 * * *', branch: main}"
    found = read(f"{HEAD}{STEPS}triggers: {{schedule: [{one}, {one}]}}\n")
    assert [each.timezone for each in found.triggers.schedules] == ["UTC", "UTC"]


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        ("{push: {}}", "expected `branches`, `tags` or both"),
        ("{push: {paths: x}}", "expected `branches`, `tags` or both"),
        ("{push: {branches: x, supersede: all}}", "expected 'nothing', 'waiting' or 'running'"),
        ("{after: other}", "unknown pipeline 'other' (known: p)"),
        ("{after: p}", "pipelines start each other without an end: p -> p"),
        ("{schedule: {cron: 'x', branch: m}}", "expected five fields of cron"),
        ("{schedule: {cron: '* * * * * *', branch: m}}", "expected five fields of cron, found"),
        ("{schedule: {cron: '0 3 31 2 1,'}}", "expected five fields of cron"),
        ("{schedule: {cron: '0 3 * * *'}}", "branch"),
        ("{schedule: {cron: '0 3 * * *', branch: m, timezone: Mars}}", "unknown time zone 'Mars'"),
        ("{schedule: {cron: '0 3 * * *', branch: m, timezone: ../x}}", "unknown time zone"),
        ("{schedule: {cron: '0 0 30 2 *', branch: m}}", "expected five fields of cron"),
        ("{cron: daily}", "cron"),
    ],
)
def test_mistakes_of_triggers(triggers: str, message: str) -> None:
    found = findings(f"{HEAD}{STEPS}triggers: {triggers}\n")
    assert message in "\n".join(found)


def test_pipelines_must_not_start_each_other_for_ever() -> None:
    entry = "{description: d, source: {repository: r}, steps: [{run: x}], triggers: {after: %s}}"
    with pytest.raises(InvalidFile, match=r"without an end: a -> b -> a"):
        read_all(f"a: {entry % 'b'}\nb: {entry % 'a'}\n")


def test_parameters_of_a_pipeline_with_triggers_have_defaults() -> None:
    text = f"{HEAD}{STEPS}triggers: {{push: {{branches: m}}}}\nparams: {{x: {{type: string}}}}\n"
    assert findings(text)[0].endswith("'x' needs a default: no trigger sets it")


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        # on 2026-03-29 the clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 to 02:00
        ("2026-03-29T12:00", "2026-03-29T01:00", "2026-03-30T00:30"),
        ("2026-03-30T00:30", "2026-03-30T00:30", "2026-03-31T00:30"),
        ("2026-10-25T00:29", "2026-10-24T00:30", "2026-10-25T00:30"),
        ("2026-10-25T12:00", "2026-10-25T00:30", "2026-10-26T01:30"),
    ],
)
def test_times_of_a_schedule(now: str, last: str, following: str) -> None:
    schedule = Schedule(cron="30 2 * * *", timezone="Europe/Berlin", branch="main")
    moment = datetime.fromisoformat(f"{now}+00:00")
    assert schedule.last_until(moment) == datetime.fromisoformat(f"{last}+00:00")
    assert schedule.next_after(moment) == datetime.fromisoformat(f"{following}+00:00")
