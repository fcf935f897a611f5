"""Holds what the topics and the ledger say against what was really sent. This is where the generator's word counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.directory import Directory
from demo.driver import WalkResult
from demo.evidence import Evidence
from demo.posting import Sent
from schemas.topics import BY_NAME

SHOWN = 3
NOTICED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Finding:
    """One promise: what it should be, what it is; `detail` says what is wrong."""

    promise: str
    expected: int
    found: int
    detail: str = ""

    @property
    def kept(self) -> bool:
        """Whether it holds."""
        return self.expected == self.found and not self.detail


@dataclass(frozen=True)
class SentFacts:
    """What was sent."""

    sent: Sent
    walked: WalkResult
    directory: Directory
    end: datetime

    @property
    def people(self) -> set[int]:
        """Everybody of whom something was accepted."""
        imported = {person for what, accepted, _ in self.walked.imported if accepted for person in what.persons}
        return self.sent.leads | imported

    @property
    def submissions(self) -> int:
        """How many were accepted, repeats not counted."""
        return self.sent.accepted["leads"] + sum(accepted for _, accepted, _ in self.walked.imported)

    @property
    def refused(self) -> Counter[str]:
        """By reason, what was refused, files included."""
        return self.sent.refused + Counter(reason for what, *_ in self.walked.imported for reason in what.refused)


def check(facts: SentFacts, evidence: Evidence, ledger: Mapping[str, int]) -> list[Finding]:
    """Checks all promises. `ledger` is the funnel of the metrics service: stage → leads."""
    return [*_nothing_lost(facts, evidence), *_through(evidence, ledger), *_in_time(facts, evidence, ledger)]


def _nothing_lost(facts: SentFacts, evidence: Evidence) -> Iterator[Finding]:
    sent = facts.sent
    answers = "; ".join(sent.surprises[:SHOWN])
    yield Finding("Every answer was as it should be", 0, len(sent.surprises), answers)
    ids = {event.data.origin.submission_id for event in evidence.captured}
    yield Finding("Every accepted submission is one event", facts.submissions, len(evidence.captured))
    yield Finding("Every submission we were told the id of is there", 0, len(sent.submissions - ids))
    yield from _people(facts, evidence)
    for kind, topic in (("signals", "signal"), ("outcomes", "outcome"), ("touches", "rep's touch")):
        accepted, there = sent.ids.get(kind, set()), evidence.ids[kind]
        wrong = _some(accepted ^ set(there)) or _some(each for each, count in there.items() if count > 1)
        yield Finding(f"Every accepted {topic} is one event", len(accepted), there.total(), wrong)
    refused = facts.refused
    wrong = "" if refused == evidence.rejected else f"{dict(refused)} against {dict(evidence.rejected)}"
    yield Finding("Everything refused is kept, with its reason", refused.total(), evidence.rejected.total(), wrong)
    missing = sent.kept - evidence.rejected_bytes
    yield Finding("… and with its bytes", sent.kept.total(), sent.kept.total() - missing.total())
    yield _foreign(facts, evidence)


def _people(facts: SentFacts, evidence: Evidence) -> Iterator[Finding]:
    leads_of: dict[int, set[str]] = defaultdict(set)
    people_of: dict[str, set[int | None]] = defaultdict(set)
    for event in evidence.captured:
        person = facts.directory.who(event)
        people_of[event.lead_id].add(person)
        if person is not None:
            leads_of[person].add(event.lead_id)
    people = facts.people
    lost = _some(people - leads_of.keys())
    yield Finding("Every person who got in touch is a lead", len(people), len(leads_of), lost)
    twice = _some(person for person, leads in leads_of.items() if len(leads) > 1)
    yield Finding("Nobody is two leads", len(people), len(people_of), twice)
    mixed = [lead for lead, persons in people_of.items() if len(persons) > 1 or None in persons]
    yield Finding("No lead is two people, or nobody", 0, len(mixed), _some(mixed))


def _foreign(facts: SentFacts, evidence: Evidence) -> Finding:
    wanted = {
        (reader, topic): count
        for topic, count in facts.walked.foreign_records.items()
        for reader in BY_NAME[topic].consumers
    }
    there: Counter[tuple[str, str]] = Counter()
    for (service, topic, _), count in evidence.dead.items():
        there[service, topic] += count
    wrong = "" if dict(there) == wanted else f"expected {wanted}, found {dict(there)}"
    promise = "Every stranger's record was set aside by all its readers, and nothing else was"
    return Finding(promise, sum(wanted.values()), there.total(), wrong)


def _through(evidence: Evidence, ledger: Mapping[str, int]) -> Iterator[Finding]:
    leads = {event.lead_id for event in evidence.captured}
    yield Finding("Every lead was understood", len(leads), len(leads & evidence.enriched))
    yield Finding("Every lead was scored", len(leads), len(leads & evidence.scored))
    yield Finding("Every lead has an owner or was parked for a reason", len(leads), len(leads & evidence.placed))
    yield Finding("The ledger knows every lead", len(leads), ledger.get("captured", 0))


def _in_time(facts: SentFacts, evidence: Evidence, ledger: Mapping[str, int]) -> Iterator[Finding]:
    contacted = facts.sent.contacted
    yield Finding("The ledger knows every lead that a rep has contacted", len(contacted), ledger.get("contacted", 0))
    wrong = [key[0] for key, verdict in evidence.verdicts.items() if not _right(key, verdict, evidence)]
    right = len(evidence.verdicts) - len(wrong)
    yield Finding("Every deadline was judged by what the rep did", len(evidence.verdicts), right, _some(wrong))
    unnoticed = [
        key[0]
        for key, deadline in evidence.started.items()
        if deadline < facts.end - NOTICED_WITHIN and key not in evidence.verdicts and key[0] not in evidence.let_go
    ]
    yield Finding("No deadline passed unnoticed", 0, len(unnoticed), _some(unnoticed))


def _right(key: tuple[str, str, datetime], verdict: Any, evidence: Evidence) -> bool:
    """Kept: somebody spoke to the lead by the deadline. Broken: nobody did, from the start to the deadline."""
    lead, _, started = key
    contacts = evidence.contacts[lead]
    if verdict.kept:
        return verdict.at in contacts and verdict.at <= verdict.deadline
    return not any(started <= at <= verdict.deadline for at in contacts)


def _some(things: Collection[Any] | Iterator[Any]) -> str:
    """The first few, as text; empty when there are none."""
    return ", ".join(str(thing) for thing in list(things)[:SHOWN])
