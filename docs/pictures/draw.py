#!/usr/bin/env python3
"""Draws the pictures in this folder: `python docs/pictures/draw.py`. Their content comes from `schemas.topics`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from schemas.topics import ASSIGNED, CAPTURED, ENRICHED, OUTCOMES, SCORED, SIGNALS, TOUCHED, Topic

FOLDER = Path(__file__).parent

SERVICES: Mapping[str, str] = {
    "capture": "takes it in",
    "enrich": "understands",
    "score": "judges",
    "route": "finds an owner",
    "nurture": "follows up",
    "metrics": "counts",
}
"""Service → what it does with a lead."""

LANES: Mapping[Topic, str] = {
    CAPTURED: "who wrote to us",
    SIGNALS: "what they did",
    ENRICHED: "who they are",
    SCORED: "how promising, and why",
    ASSIGNED: "whose lead, by when",
    TOUCHED: "each contact attempt",
    OUTCOMES: "what became of it",
}
"""Topic → what its events say."""

# The card has a ground of its own, so that the picture can be read wherever it is shown.
STYLE = """
  svg { font: 14px ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; }
  .card { fill: #ffffff; stroke: #d5dae1 } .text { fill: #1c2530 } .quiet { fill: #5c6875; font-size: 12px }
  .name { font-weight: 600 } .code { font: 600 13px ui-monospace, 'SF Mono', Menlo, Consolas, monospace }
  .line { stroke: #aab3be; stroke-width: 1.5; fill: none } .head { fill: #aab3be }
  .box { fill: #f4f6f8; stroke: #aab3be }
  .frame { fill: #eef4ff; stroke: #4c7dd9; stroke-width: 1.5 } .column { stroke: #e4e8ec; stroke-width: 1.5 }
  .capture { --c: #1f6fd6 } .enrich { --c: #0c8577 } .score { --c: #b0660a } .route { --c: #7a4bd0 }
  .nurture { --c: #c0366f } .metrics { --c: #5c6875 }
  .lane { stroke: var(--c); stroke-width: 3; fill: none; stroke-linecap: round } .writes { fill: var(--c) }
  .reads { fill: #ffffff; stroke: var(--c); stroke-width: 3 } .badge { fill: var(--c) } .on { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .card { fill: #10161d; stroke: #2f3944 } .text { fill: #e8edf2 } .quiet { fill: #9aa7b5 }
    .line { stroke: #6b7785 } .head { fill: #6b7785 } .box { fill: #1a222c; stroke: #56616e }
    .frame { fill: #14223a; stroke: #6f9df0 } .column { stroke: #232c36 } .reads { fill: #10161d } .on { fill: #10161d }
    .capture { --c: #66a6ff } .enrich { --c: #3fc4b3 } .score { --c: #f0ab4f } .route { --c: #b492ff }
    .nurture { --c: #ff86b4 } .metrics { --c: #9aa7b5 }
  }
"""


class Drawing:
    """Pieces of SVG, put down one after the other."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self._start = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-labelledby="title description">\n'
            f'<title id="title">{escape(title)}</title>\n<desc id="description">{escape(description)}</desc>\n'
            f"<style>{STYLE}</style>\n"
        )
        self._parts: list[str] = []
        self.rect(0.5, 0.5, width - 1, height - 1, "card", 14)

    def __str__(self) -> str:
        """The whole document."""
        return self._start + "\n".join(self._parts) + "\n</svg>\n"

    def rect(self, x: float, y: float, width: float, height: float, style: str, radius: float = 8) -> None:
        self._parts.append(
            f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'
        )

    def text(self, x: float, y: float, words: str, style: str = "text", anchor: str = "middle") -> None:
        self._parts.append(f'<text class="{style}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>')

    def lines(self, x: float, y: float, words: str, style: str = "quiet", anchor: str = "middle") -> None:
        """Several lines of text, separated by `|`, 16 px apart."""
        for number, line in enumerate(words.split("|")):
            self.text(x, y + 16 * number, line, style, anchor)

    def path(self, steps: str, style: str = "line") -> None:
        self._parts.append(f'<path class="{style}" d="{steps}"/>')

    def dot(self, x: float, y: float, radius: float, style: str) -> None:
        self._parts.append(f'<circle class="{style}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>')

    def right(self, x: float, y: float, to: float) -> None:
        """An arrow to the right."""
        self.path(f"M{x:g} {y:g}H{to - 7:g}")
        self.path(f"M{to:g} {y:g}l-9 -5v10z", "head")

    def down(self, x: float, y: float, to: float) -> None:
        """An arrow downwards."""
        self.path(f"M{x:g} {y:g}V{to - 7:g}")
        self.path(f"M{x:g} {to:g}l-5 -9h10z", "head")

    def up(self, x: float, y: float, to: float) -> None:
        """An arrow upwards."""
        self.path(f"M{x:g} {y:g}V{to + 7:g}")
        self.path(f"M{x:g} {to:g}l-5 9h10z", "head")


def stream() -> Drawing:
    """The topics as lines, the services as stations: a full dot writes, a ring reads."""
    first, step, top, lane_step = 276, 116, 150, 44
    at = {service: first + step * number for number, service in enumerate(SERVICES)}
    bottom = top + lane_step * (len(LANES) - 1)
    drawing = Drawing(
        960,
        bottom + 128,
        "The stream",
        "Six services and the topics between them. "
        + " ".join(f"{t.name}: from {', '.join(t.producers)} to {', '.join(t.consumers)}." for t in LANES),
    )
    for service, does in SERVICES.items():
        x = at[service]
        drawing.path(f"M{x} 108V{bottom + 34}", "column")
        drawing.rect(x - 52, 62, 104, 50, f"badge {service}", 10)
        drawing.text(x, 84, service, "on name")
        drawing.text(x, 102, does, "on quiet")
    drawing.lines(at["capture"], 26, "forms, programs,|lists, CRMs")
    drawing.path(f"M{at['capture']} 50v4")
    drawing.path(f"M{at['capture']} 60l-5 -8h10z", "head")
    for number, (topic, says) in enumerate(LANES.items()):
        _lane(drawing, topic, says, top + lane_step * number, at)
    for service, words in (
        ("route", "a CRM reads|leads.assigned"),
        ("nurture", "emails, messages,|call tasks"),
        ("metrics", "funnel, SLA,|Prometheus"),
    ):
        drawing.down(at[service], bottom + 34, bottom + 62)
        drawing.lines(at[service], bottom + 80, words)
    drawing.dot(36, bottom + 74, 6, "badge metrics")
    drawing.text(50, bottom + 78, "writes", "quiet", "start")
    drawing.dot(112, bottom + 74, 5.5, "reads metrics")
    drawing.text(126, bottom + 78, "reads", "quiet", "start")
    return drawing


def _lane(drawing: Drawing, topic: Topic, says: str, y: int, at: Mapping[str, int]) -> None:
    colour = topic.producers[0]
    stations = [at[service] for service in (*topic.producers, *topic.consumers)]
    drawing.text(28, y - 2, topic.name, "text code", "start")
    drawing.text(28, y + 14, says, "quiet", "start")
    drawing.path(f"M{min(stations)} {y}H{max(stations)}", f"lane {colour}")
    for service, x in at.items():
        if service in topic.producers:
            drawing.dot(x, y, 8, f"writes {service}")
        if service in topic.consumers:
            drawing.dot(x, y, 3.5 if service in topic.producers else 6.5, f"reads {colour}")


STEPS: tuple[tuple[str, str], ...] = (
    ("poll", "many records of|all its topics, of the|partitions it owns"),
    ("decode", "drop repeats,|stop at a gap,|set junk aside"),
    ("decide", "pure functions of|event, state, policy|and time"),
    ("commit", "one transaction,|compare-and-set|on the fence row"),
    ("publish", "in order, one batch|acknowledged|before the next"),
)
"""What happens to a batch, and how."""

COMMITTED = ("position", "state", "timers", "effects", "outbox")
"""What changes with a batch; dead letters leave through the outbox too."""


def batch() -> Drawing:
    """A batch's way through one worker."""
    drawing = Drawing(
        960,
        358,
        "The life of a batch",
        "; then ".join(f"{name}: {how.replace('|', ' ')}" for name, how in STEPS)
        + f". One transaction holds {', '.join(COMMITTED)}.",
    )
    left, width, gap, top = 102, 134, 22, 40
    drawing.lines(46, top + 44, "Kafka|topics", "text name")
    at = {}
    for number, (name, how) in enumerate(STEPS):
        x = left + number * (width + gap)
        at[name] = x + width / 2
        drawing.right(x - gap if number else 78, top + 48, x)
        drawing.rect(x, top, width, 96, "frame" if name == "commit" else "box")
        drawing.text(x + width / 2, top + 24, name, "text name")
        drawing.lines(x + width / 2, top + 48, how)
    end = left + len(STEPS) * (width + gap) - gap
    drawing.right(end, top + 48, end + 24)
    drawing.lines(end + 54, top + 44, "Kafka|topics", "text name")
    _transaction(drawing, at["commit"], top + 96)
    return drawing


def _transaction(drawing: Drawing, x: float, y: float) -> None:
    left, top, cell = 366, y + 46, 110
    drawing.down(x, y, top)
    drawing.rect(left, top, cell * len(COMMITTED), 62, "frame")
    drawing.text(left + 14, top + 22, "Postgres: all of it changes, or nothing does", "quiet", "start")
    for number, name in enumerate(COMMITTED):
        drawing.text(left + cell * (number + 0.5), top + 46, name, "text code")
        if number:
            drawing.path(f"M{left + cell * number} {top + 32}v20")
    effects, below = left + cell * 3.5, top + 62
    drawing.down(effects, below, below + 40)
    drawing.rect(effects - 92, below + 40, 184, 52, "box")
    drawing.lines(effects, below + 61, "after the commit, once:|send the email", "quiet")
    back, base = 169, below + 66
    drawing.path(f"M{effects - 92:g} {base:g}H{back + 8:g}Q{back} {base:g} {back} {base - 8:g}V{base - 20:g}")
    drawing.up(back, base - 18, y)
    drawing.text(back + 16, base - 8, "its result, and each timer that is due, is read like an event", "quiet", "start")


PICTURES = {"stream.svg": stream, "batch.svg": batch}


def main() -> int:
    """Writes the pictures, or with --check says which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; end with 1 when one is out of date")
    check = parser.parse_args().check
    stale = [name for name, draw in PICTURES.items() if not _is_current(FOLDER / name, str(draw()))]
    for name in stale:
        if check:
            sys.stderr.write(f"docs/pictures/{name} is out of date; run `python docs/pictures/draw.py`\n")
        else:
            (FOLDER / name).write_text(str(PICTURES[name]()), encoding="utf-8")
    return 1 if check and stale else 0


def _is_current(path: Path, content: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
