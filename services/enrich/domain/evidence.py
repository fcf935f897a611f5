"""What a submission says of a lead, as findings that can be weighed against those of other submissions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from pydantic import AwareDatetime

from schemas.base import Record
from schemas.events.enriched import Fact


class Finding(Record):
    """One value with where it came from and how far to trust it."""

    value: str | int
    fact: Fact


class Evidence(Record):
    """Findings that belong together, so that a lead never has one submission's title and another's seniority.

    `group` names what they are about; of one group, a lead keeps the evidence that weighs most.
    """

    group: str
    weight: float
    findings: tuple[Finding, ...]


class Held(Evidence):
    """Evidence with the submission it is from, which decides between equal weights: the latest one."""

    submitted_at: AwareDatetime
    submission: str

    def outranks(self, other: Held) -> bool:
        """Whether this is to be believed rather than `other`. Never true both ways, nor of itself."""
        return (self.weight, self.submitted_at, self.submission) > (
            other.weight,
            other.submitted_at,
            other.submission,
        )


def finding(field: str, value: str | int, source: str, confidence: float) -> Finding:
    """A finding of the value `field`, such as `profile.country`."""
    return Finding(value=value, fact=_fact(field, source, confidence))


def findings(values: Mapping[str, str | int | None], source: str, confidence: float) -> tuple[Finding, ...]:
    """Findings of those values that are known."""
    return tuple(finding(field, value, source, confidence) for field, value in values.items() if value is not None)


def evidence(group: str, field: str, value: str | int, source: str, confidence: float) -> Evidence:
    """Evidence of one value alone, weighing as much as it is trusted."""
    return Evidence(group=group, weight=confidence, findings=(finding(field, value, source, confidence),))


@lru_cache(maxsize=4096)
def _fact(field: str, source: str, confidence: float) -> Fact:
    return Fact(field=field, source=source, confidence=confidence)
