"""The lines that a score is the sum of. Points are counted in whole tenths, so that sums are exact."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2
from typing import Literal, NamedTuple

from schemas.events import Reason

Part = Literal["fit", "intent", "outcome", "qualification"]

DAY = 86_400_000
"""Milliseconds."""


class Line(NamedTuple):
    """One reason for points, before it is put into words."""

    part: Part
    code: str
    tenths: int
    reason: str
    times: int = 1
    """How often it happened."""
    newest: int = 0
    """When it last happened, in milliseconds."""
    capped: bool = False
    """True when it would have been more points without its cap."""
    fixed: Reason | None = None
    """The words, where they are always the same."""


def fixed_line(part: Part, code: str, points: int, reason: str) -> Line:
    """A line whose words don't depend on the lead; they are built once."""
    return Line(part, code, points * 10, reason, fixed=Reason(part=part, code=code, text=reason, points=points))


def to_tenths(points: float) -> int:
    """Points in whole tenths, the nearest."""
    return round(points * 10)


def faded(age: int, half_life: int) -> float:
    """What is left of 1 after `age`: half after one half-life, a quarter after two (0.5^(age / half-life)).

    Both in milliseconds.
    """
    return exp2(-age / half_life)


def score_of(lines: Iterable[Line]) -> int:
    """The lines' sum, rounded (a half up) and held to 0-100."""
    points = (sum([line.tenths for line in lines]) + 5) // 10
    return 0 if points < 0 else min(points, 100)


def explain(lines: Iterable[Line], as_of: int) -> tuple[Reason, ...]:
    """The lines as a rep reads them, the weightiest first.

    Lines without points are left out, except for what led to the qualification. Those of equal weight stay in
    their order, which is the policy's.
    """
    told = [line for line in lines if line.tenths or line.part == "qualification"]
    told.sort(key=_weight)
    return tuple([line.fixed or _reason(line, as_of) for line in told])


def _weight(line: Line) -> int:
    return -abs(line.tenths)


def _reason(line: Line, as_of: int) -> Reason:
    return Reason(part=line.part, code=line.code, text=_words(line, as_of), points=line.tenths / 10)


def _words(line: Line, as_of: int) -> str:
    age = _ago((as_of - line.newest) // DAY)
    said = age if line.times == 1 else f"{line.times} times, last {age}"
    if line.capped:
        said += f"; counted up to {abs(line.tenths) / 10:g} points"
    return f"{line.reason} ({said})"


def _ago(days: int) -> str:
    if days < 1:
        return "less than a day ago"
    return "a day ago" if days == 1 else f"{days} days ago"
