"""The graph of a pipeline as a picture: steps in layers, from top to bottom. Pure."""

from __future__ import annotations

from xml.sax.saxutils import escape

from pipelines.domain.pipeline import Pipeline, Step
from pipelines.language.views.drawing import label
from pipelines.language.views.layers import layers

_CHARACTER = 7.3
"""Width of a character of the font in pixels, rounded up."""
_HEIGHT = 34
_LAYER = 80
_GAP = 28
_MARGIN = 24
_TITLE = 30

_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}"'
    ' width="{w:.0f}" height="{h:.0f}" font-family="DejaVu Sans Mono, monospace" font-size="12">'
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>'
    '<rect width="100%" height="100%" fill="#fff"/>'
)


def as_svg(pipeline: Pipeline) -> str:
    """An SVG document."""
    rows = layers(pipeline.steps)
    title = f"{pipeline.name}: {pipeline.description}"
    widths = [sum(map(_width, row)) + _GAP * (len(row) - 1) for row in rows]
    width = max([*widths, len(title) * _CHARACTER]) + 2 * _MARGIN
    height = _MARGIN * 2 + _TITLE + _LAYER * (len(rows) - 1) + _HEIGHT
    places = _places(rows, width)
    parts = [
        _HEAD.format(w=width, h=height),
        f'<text x="{_MARGIN}" y="{_MARGIN + 4}" font-weight="bold">{escape(title)}</text>',
    ]
    for step in pipeline.steps:
        parts += [_edge(places[need], places[step.name]) for need in step.needs]
    parts += [_box(step, *places[step.name]) for step in pipeline.steps]
    return "\n".join([*parts, "</svg>"])


def _places(rows: list[list[Step]], width: float) -> dict[str, tuple[float, float]]:
    """Middle and top of each step's box."""
    found: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        x = (width - sum(map(_width, row)) - _GAP * (len(row) - 1)) / 2
        for step in row:
            found[step.name] = (x + _width(step) / 2, _MARGIN + _TITLE + number * _LAYER)
            x += _width(step) + _GAP
    return found


def _width(step: Step) -> float:
    return len(label(step)) * _CHARACTER + 24


def _box(step: Step, x: float, y: float) -> str:
    width = _width(step)
    fill = "#fff8c5" if step.always else "#ddf4ff"
    return (
        f'<rect x="{x - width / 2:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" rx="7"'
        f' fill="{fill}" stroke="#57606a"/>'
        f'<text x="{x:.0f}" y="{y + 21:.0f}" text-anchor="middle">{escape(label(step))}</text>'
    )


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    y1 += _HEIGHT
    bend = (y2 - y1) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f} C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f}'
        f' {x2:.0f} {y2 - 2:.0f}" fill="none" stroke="#57606a" marker-end="url(#end)"/>'
    )
