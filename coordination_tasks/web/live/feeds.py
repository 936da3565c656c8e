"""The farm for other pages: an Atom feed of jobs that ended, and badges. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from common.cli.terminal_text import printable
from common.states import State
from coordination_tasks.commands.views.farm_page import ended_at
from coordination_tasks.domain.model import Job
from coordination_tasks.domain.timestamps import format_time
from coordination_tasks.web.farm_facts import page_name

_ATOM = "http://www.w3.org/2005/Atom"
_ENTRIES = 50
_COLOURS: Mapping[State | None, str] = {
    State.SUCCEEDED: "#176b35",
    State.FAILED: "#b3261e",
    State.TIMED_OUT: "#b3261e",
}
_OTHER = "#56606b"
_CHARACTER = 7
"""Pixels of a character of a badge, about."""


def atom(ended: Sequence[Job], url: str, now: datetime) -> bytes:
    """The feed (RFC 4287) of the jobs that ended, the last one first; `url` ends with a slash."""
    feed = ET.Element("feed", xmlns=_ATOM)
    _add(feed, "title", "Build farm")
    _add(feed, "id", url)
    ET.SubElement(feed, "link", rel="self", href=f"{url}feed.atom")
    newest = ended[0].completed_at if ended else None
    _add(feed, "updated", format_time(newest or now))
    author = ET.SubElement(feed, "author")
    _add(author, "name", "Build farm")
    for job in ended[:_ENTRIES]:
        entry = ET.SubElement(feed, "entry")
        address = f"{url}jobs/{page_name(job.id)}.html"
        when = format_time(job.completed_at or now)
        _add(entry, "title", f"{job.id}: {job.state.value.replace('_', ' ')}")
        _add(entry, "id", f"{address}#{when}")
        ET.SubElement(entry, "link", href=address)
        _add(entry, "updated", when)
        of = " ".join(filter(None, (job.pipeline, job.branch, job.assigned_to)))
        _add(entry, "summary", f"{of}: {job.reason}" if job.reason else of)
    text: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return text


def last_state(ended: Sequence[Job], pipeline: str, branch: str) -> State | None:
    """How the last build of a pipeline on a branch ended; cancelled ones do not count."""
    fitting = [
        job
        for job in ended
        if (job.pipeline, job.branch) == (pipeline, branch) and job.state is not State.CANCELLED
    ]
    return max(fitting, key=ended_at).state if fitting else None


def badge(label: str, state: State | None) -> bytes:
    """The picture (SVG) of a state; None: nothing was built."""
    word = state.value.replace("_", " ") if state else "not built"
    left, right = (_CHARACTER * len(text) + 12 for text in (label, word))
    svg = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=str(left + right),
        height="20",
        role="img",
    )
    svg.set("aria-label", f"{printable(label)}: {word}")
    _add(svg, "title", f"{label}: {word}")
    colour = _COLOURS.get(state, _OTHER)
    for x, width, fill in ((0, left, "#1c2126"), (left, right, colour)):
        place = {"x": str(x), "width": str(width), "height": "20", "fill": fill}
        ET.SubElement(svg, "rect", place)
    for x, text in ((6, label), (left + 6, word)):
        style = {"x": str(x), "y": "14", "fill": "#ffffff", "font-size": "12"}
        shown = ET.SubElement(svg, "text", style)
        shown.set("font-family", "DejaVu Sans, Verdana, sans-serif")
        shown.text = printable(text)
    text_of_svg: bytes = ET.tostring(svg, encoding="utf-8")
    return text_of_svg


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = printable(text)
