"""What a submission says of a lead, as findings that can be weighed against those of other submissions.

Plain tuples: a lead has dozens of them, and models would cost more than all the reading does.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from schemas.events.enriched import Fact


class Finding(NamedTuple):
    """One value with where it came from and how far to trust it, 0 to 1. `field` is such as `profile.country`."""

    field: str
    value: str | int
    source: str
    confidence: float


class Evidence(NamedTuple):
    """Findings that belong together, so that a lead never has one submission's title and another's seniority.

    `group` names what they are about; of one group, a lead keeps the evidence that weighs most.
    """

    group: str
    weight: float
    findings: tuple[Finding, ...]


class Held(NamedTuple):
    """Evidence with the submission it is from. The greater one is believed: heavier, then later."""

    weight: float
    submitted_at: datetime
    submission: str
    findings: tuple[Finding, ...]


def evidence(group: str, field: str, value: str | int, source: str, confidence: float) -> Evidence:
    """Evidence of one value alone, weighing as much as it is trusted."""
    return Evidence(group, confidence, (Finding(field, value, source, confidence),))


@lru_cache(maxsize=4096)
def fact(field: str, source: str, confidence: float) -> Fact:
    """A finding without its value, as events carry it."""
    return Fact(field=field, source=source, confidence=confidence)
