"""The lines that a score is the sum of. Points are counted in whole tenths, so that sums are exact."""

from __future__ import annotations

import math
from collections.abc import Iterable
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
    times: int = 0
    """How often it happened; 0: it is no event but a fact."""
    newest: int = 0
    """When it last happened, in milliseconds."""
    capped: bool = False
    """True when it would have been more points without its cap."""


def to_tenths(points: float) -> int:
    """Points in whole tenths, the nearest."""
    return round(points * 10)


def faded(age: int, half_life: int) -> float:
    """What is left of 1 after `age`: half after one half-life, a quarter after two (0.5^(age / half-life)).

    Both in milliseconds.
    """
    return math.exp2(-age / half_life)


def score_of(lines: Iterable[Line]) -> int:
    """The lines' sum, rounded (a half up) and held to 0-100."""
    points = (sum(line.tenths for line in lines) + 5) // 10
    return 0 if points < 0 else min(points, 100)


def explain(lines: Iterable[Line], as_of: int) -> tuple[Reason, ...]:
    """The lines as a rep reads them, the weightiest first.

    Lines without points are left out, except for what led to the qualification.
    """
    told = [line for line in lines if line.tenths or line.part == "qualification"]
    told.sort(key=lambda line: (-abs(line.tenths), line.part, line.code))
    return tuple(
        Reason(part=line.part, code=line.code, text=_words(line, as_of), points=line.tenths / 10) for line in told
    )


def _words(line: Line, as_of: int) -> str:
    if not line.times:
        return line.reason
    age = _ago((as_of - line.newest) // DAY)
    said = age if line.times == 1 else f"{line.times} times, last {age}"
    if line.capped:
        said += f"; counted up to {abs(line.tenths) / 10:g} points"
    return f"{line.reason} ({said})"


def _ago(days: int) -> str:
    if days < 1:
        return "less than a day ago"
    return "a day ago" if days == 1 else f"{days} days ago"
