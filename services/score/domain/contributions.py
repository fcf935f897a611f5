"""The contributions that a score is the sum of. Points are counted in whole tenths, so that sums are exact."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp2
from typing import Literal, NamedTuple

from schemas.events import Reason
from services.score.domain.milliseconds import DAY

Part = Literal["fit", "intent", "outcome", "qualification"]


class Contribution(NamedTuple):
    """One reason for points, before it is put into words."""

    part: Part
    code: str
    tenths: int
    """Points in tenths; negative ones count against the lead."""
    reason: str
    times: int = 1
    """How often it happened."""
    newest: int = 0
    """When it last happened, in milliseconds since 1970."""
    capped: bool = False
    """True when it would have been more points without its cap."""
    fixed: Reason | None = None
    """The words, where they are the same for every lead."""


def fixed_contribution(part: Part, code: str, points: int, reason: str) -> Contribution:
    """Builds a contribution whose words don't depend on the lead; they are built once, with the rules."""
    return Contribution(part, code, points * 10, reason, fixed=Reason(part=part, code=code, text=reason, points=points))


def to_tenths(points: float) -> int:
    """Returns points in whole tenths, the nearest."""
    return round(points * 10)


def faded(age: int, half_life: int) -> float:
    """Returns what is left of 1 after `age`: half after one half-life, a quarter after two (0.5^(age / half-life)).

    Both in milliseconds.
    """
    return exp2(-age / half_life)


def score_of(contributions: Iterable[Contribution]) -> int:
    """Returns the sum of the contributions in points, rounded (a half up) and held to 0-100."""
    points = (sum([each.tenths for each in contributions]) + 5) // 10
    return 0 if points < 0 else min(points, 100)


def reasons_of(contributions: Iterable[Contribution], as_of: int) -> tuple[Reason, ...]:
    """Returns the contributions as a rep reads them, the weightiest first.

    Those without points are left out, except for what led to the qualification. Those of equal weight stay in
    their order, which is the policy's. `as_of`: milliseconds since 1970, from which ages are counted.
    """
    shown = [each for each in contributions if each.tenths or each.part == "qualification"]
    shown.sort(key=_weight)
    return tuple([each.fixed or _reason(each, as_of) for each in shown])


def _weight(contribution: Contribution) -> int:
    return -abs(contribution.tenths)


def _reason(contribution: Contribution, as_of: int) -> Reason:
    part, code, tenths = contribution[:3]
    return Reason(part=part, code=code, text=_words(contribution, as_of), points=tenths / 10)


def _words(contribution: Contribution, as_of: int) -> str:
    age = _ago((as_of - contribution.newest) // DAY)
    when = age if contribution.times == 1 else f"{contribution.times} times, last {age}"
    cap = f"; counted up to {abs(contribution.tenths) / 10:g} points" if contribution.capped else ""
    return f"{contribution.reason} ({when}{cap})"


def _ago(days: int) -> str:
    if days < 1:
        return "less than a day ago"
    return "a day ago" if days == 1 else f"{days} days ago"
