"""What the topics say when all is done. Nothing in here comes from the generator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from log.reader import Log, LogRecord
from log.timeline import LEAD_TOPICS
from policy.contact import contact_at
from schemas.base import Event
from schemas.events import (
    Assignment,
    EventDead,
    InputRejected,
    LeadAssigned,
    LeadCaptured,
    LeadEnriched,
    LeadParked,
    LeadReassigned,
    LeadRecycled,
    LeadScored,
    OutcomeRecorded,
    SequencePlanned,
    SequenceStopped,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    TouchRecorded,
)

ClockKey = tuple[str, str, datetime]
"""Lead, submission, start."""


@dataclass(frozen=True)
class DeadlineResult:
    """Whether a lead was contacted in time."""

    kept: bool
    at: datetime
    deadline: datetime


@dataclass
class Evidence:
    """All topics, read from the beginning.

    Attributes:
        captured: the submissions, in no order.
        enriched, scored, placed: leads of which an event says so; placed are those with an owner and those parked.
        seconds_to_owner: of each enquiry that was given an owner, from its start.
        started: clocks that an owner was given, with the deadline to contact the lead.
        verdicts: what became of them; met beats breached, as word of a contact may come late.
        contacts: when a person was in contact with the lead.
        let_go: leads that nobody needs to contact any more: lost, or taken from their owner.
        ids: by topic, the reporters' ids of signals, outcomes and human touches.
        stages: by lead, how much is known of it; for choosing one to show.
        records: records per topic.
    """

    captured: list[LeadCaptured] = field(default_factory=list)
    enriched: set[str] = field(default_factory=set)
    scored: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    seconds_to_owner: list[float] = field(default_factory=list)
    started: dict[ClockKey, datetime] = field(default_factory=dict)
    verdicts: dict[ClockKey, DeadlineResult] = field(default_factory=dict)
    corrected: int = 0
    contacts: dict[str, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    let_go: set[str] = field(default_factory=set)
    ids: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    touches: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_bytes: Counter[bytes] = field(default_factory=Counter)
    dead: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    stages: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    records: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    _named: set[str] = field(default_factory=set)

    def add(self, found: LogRecord) -> None:
        """Takes one record in."""
        topic, event = found.topic.name, found.event
        self.records[topic] += 1
        if event is None:
            self.unreadable[topic] += 1
            return
        self.stages[event.subject][event.type.removeprefix("leadstream.").rpartition(".")[0]] += 1
        self._take(event)

    @singledispatchmethod
    def _take(self, event: Event) -> None:
        """Events that the summary does not need."""

    @_take.register
    def _captured(self, event: LeadCaptured) -> None:
        self.captured.append(event)

    @_take.register
    def _enriched(self, event: LeadEnriched) -> None:
        self.enriched.add(event.lead_id)

    @_take.register
    def _scored(self, event: LeadScored) -> None:
        self.scored.add(event.lead_id)

    @_take.register
    def _assigned(self, event: LeadAssigned) -> None:
        self.placed.add(event.lead_id)
        assignment: Assignment = event.data
        started = assignment.deadlines.started_at or assignment.origin.captured_at
        key = (event.lead_id, assignment.origin.submission_id, started)
        self.started[key] = assignment.deadlines.contacted_by
        self.seconds_to_owner.append((event.time - started).total_seconds())

    @_take.register(LeadParked)
    @_take.register(LeadReassigned)
    def _placed(self, event: LeadParked | LeadReassigned) -> None:
        self.placed.add(event.lead_id)

    @_take.register
    def _recycled(self, event: LeadRecycled) -> None:
        self.let_go.add(event.lead_id)

    @_take.register(SlaMet)
    @_take.register(SlaBreached)
    def _verdict(self, event: SlaMet | SlaBreached) -> None:
        result = event.data
        if result.sla != "contacted":
            return
        key = (event.lead_id, result.origin.submission_id, result.started_at or result.origin.captured_at)
        kept, known = isinstance(event, SlaMet), self.verdicts.get(key)
        self.corrected += known is not None and known.kept != kept
        if kept or known is None:
            self.verdicts[key] = DeadlineResult(kept, result.at, result.deadline)

    @_take.register
    def _touched(self, event: TouchRecorded) -> None:
        touch = event.data
        self.touches[touch.channel, event.status, touch.human] += 1
        self._named.add(touch.touch_id)
        contacted = contact_at(event)
        if contacted is not None:
            self.ids["touches"][touch.touch_id] += 1
            self.contacts[event.lead_id].add(contacted)

    @_take.register(SequencePlanned)
    @_take.register(SequenceStopped)
    def _sequence(self, event: SequencePlanned | SequenceStopped) -> None:
        """Counts each touch once as planned, however often its plan has changed, and each that was called off."""
        for touch in event.data.touches:
            if touch.touch_id not in self._named:
                self._named.add(touch.touch_id)
                self.touches[touch.channel, "planned", False] += 1
            if isinstance(event, SequenceStopped):
                self.touches[touch.channel, "suppressed", False] += 1

    @_take.register
    def _outcome(self, event: OutcomeRecorded) -> None:
        outcome = event.data
        self.ids["outcomes"][outcome.outcome_id] += 1
        contacted = contact_at(event)
        if contacted is not None:
            self.contacts[event.lead_id].add(contacted)
        if outcome.outcome in ("lost", "returned"):
            self.let_go.add(event.lead_id)

    @_take.register
    def _signal(self, event: SignalRecorded) -> None:
        self.ids["signals"][event.data.signal_id] += 1

    @_take.register
    def _rejected(self, event: InputRejected) -> None:
        self.rejected[event.data.reason] += 1
        self.rejected_bytes[event.data.body] += 1

    @_take.register
    def _dead(self, event: EventDead) -> None:
        letter = event.data
        self.dead[letter.service, letter.topic, letter.reason] += 1


async def gather(log: Log) -> Evidence:
    """Reads all topics."""
    evidence = Evidence()
    async for found in _all(log):
        evidence.add(found)
    return evidence


async def _all(log: Log) -> AsyncIterator[LogRecord]:
    places = log.places(LEAD_TOPICS)
    records: AsyncIterator[Any] = log.read(await log.begins(places), await log.ends(places))
    async for record in records:
        yield log.decode(record)


def likely_story(evidence: Evidence) -> str | None:
    """Picks a lead worth showing: it got far, through every service, in few events."""
    stages = ("lead.captured", "lead.enriched", "lead.scored", "lead.assigned", "sla.met", "touch.sent")

    def worth(lead: str) -> tuple[int, int, int]:
        known = evidence.stages[lead]
        complete = sum(1 for stage in stages if known[stage])
        return complete, min(known["outcome.recorded"], 3), -sum(known.values())

    return max((lead for lead in evidence.stages if lead in evidence.scored), key=worth, default=None)
