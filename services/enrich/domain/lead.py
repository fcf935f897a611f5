"""What is known of a lead: the weightiest evidence of each kind, from all its submissions so far.

Every part is the greatest under a total order, so that the same submissions in any order give the same lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from pydantic import AwareDatetime, Field

from schemas.base import Code, Record
from schemas.events.captured import Attribution, Captured, Consent
from schemas.events.enriched import Contact, Enriched, Profile
from services.enrich.domain.evidence import Evidence, Finding, Held

REMEMBERED_SUBMISSIONS = 50
"""How many of the latest submissions a repeat is recognised of; older ones come back only by a replay."""

MOST_CHANNELS = 20

_NO_ATTRIBUTION = Attribution()


class SaidAttribution(Record):
    """Where the latest submission that says so came from."""

    attribution: Attribution
    submitted_at: AwareDatetime
    submission: str


class SaidConsent(Record):
    """The latest answer to whether the person agrees to be contacted."""

    consent: Consent
    at: AwareDatetime
    submission: str


class KnownLead(Record):
    """All that enrich keeps of one lead."""

    held: dict[str, Held] = Field(default_factory=dict, description="By group of evidence.")
    attribution: SaidAttribution | None = None
    consent: SaidConsent | None = None
    channels: dict[Code, AwareDatetime] = Field(
        default_factory=dict, description="When each channel was first used, by what submissions say."
    )
    submissions: int = 0
    recent: tuple[str, ...] = Field(default=(), description="Marks of the latest submissions, oldest first.")

    def has_seen(self, submission_id: str) -> bool:
        """Whether the submission is among the latest ones."""
        return submission_mark(submission_id) in self.recent


def submission_mark(submission_id: str) -> str:
    """A short stand-in for a submission's id, which may be long."""
    return blake2b(submission_id.encode(), digest_size=8).hexdigest()


def fold_submission(known: KnownLead, captured: Captured, said: Iterable[Evidence]) -> KnownLead:
    """The lead with one more submission, which it has not seen before."""
    origin = captured.origin
    mark = submission_mark(origin.submission_id)
    return known.model_copy(
        update={
            "held": _weighed(known.held, said, origin.submitted_at, mark),
            "attribution": _latest_attribution(known, captured, mark),
            "consent": _latest_consent(known, captured, mark),
            "channels": _channels(known.channels, origin.channel, origin.submitted_at),
            "submissions": known.submissions + 1,
            "recent": (*known.recent, mark)[-REMEMBERED_SUBMISSIONS:],
        }
    )


def enriched(known: KnownLead, captured: Captured) -> Enriched:
    """The lead as known now, going back to the submission that was folded in last."""
    found = list(_believed(known.held))
    values = {finding.fact.field: finding.value for finding in found}
    return Enriched(
        origin=captured.origin,
        person=Contact(**_under("person.", values)),
        profile=Profile(**_under("profile.", values)),
        attribution=known.attribution.attribution if known.attribution else Attribution(),
        consent=known.consent.consent if known.consent else Consent(),
        facts=tuple(finding.fact for finding in found),
        submissions=known.submissions,
        channels=tuple(known.channels),
    )


def _weighed(held: Mapping[str, Held], said: Iterable[Evidence], submitted_at: datetime, mark: str) -> dict[str, Held]:
    weighed = dict(held)
    for new in said:
        claim = Held(
            group=new.group,
            weight=new.weight,
            findings=new.findings,
            submitted_at=submitted_at,
            submission=mark,
        )
        before = weighed.get(new.group)
        if before is None or claim.outranks(before):
            weighed[new.group] = claim
    return weighed


def _latest_attribution(known: KnownLead, captured: Captured, mark: str) -> SaidAttribution | None:
    before, at = known.attribution, captured.origin.submitted_at
    if captured.attribution == _NO_ATTRIBUTION:
        return before
    if before is not None and (before.submitted_at, before.submission) > (at, mark):
        return before
    return SaidAttribution(attribution=captured.attribution, submitted_at=at, submission=mark)


def _latest_consent(known: KnownLead, captured: Captured, mark: str) -> SaidConsent | None:
    """Of two answers given at the same time, a refusal counts."""
    before, consent = known.consent, captured.consent
    if consent.marketing is None:
        return before
    said = SaidConsent(consent=consent, at=consent.given_at or captured.origin.submitted_at, submission=mark)
    return said if before is None or _consent_order(said) > _consent_order(before) else before


def _consent_order(said: SaidConsent) -> tuple[datetime, bool, str]:
    return said.at, not said.consent.marketing, said.submission


def _channels(known: Mapping[Code, datetime], channel: Code, at: datetime) -> dict[Code, datetime]:
    """The channels in the order of their first use; the earliest `MOST_CHANNELS` are kept."""
    used = {**known, channel: min(at, known.get(channel, at))}
    if len(used) == 1:
        return used
    in_order = sorted(used.items(), key=lambda entry: (entry[1], entry[0]))
    return dict(in_order[:MOST_CHANNELS])


def _believed(held: Mapping[str, Held]) -> Iterator[Finding]:
    """The findings that count: of evidence that is bound to a country (`region:US`), only the lead's country's."""
    country = held["country"].findings[0].value if "country" in held else None
    best: dict[str, Held] = {}
    for claim in held.values():
        group, _, bound = claim.group.partition(":")
        rival = best.get(group)
        if (not bound or bound == country) and (rival is None or claim.outranks(rival)):
            best[group] = claim
    for group in sorted(best):
        yield from best[group].findings


def _under(prefix: str, values: Mapping[str, str | int]) -> dict[str, Any]:
    """The values whose names begin with `prefix`, by the rest of their names."""
    return {field.removeprefix(prefix): value for field, value in values.items() if field.startswith(prefix)}
