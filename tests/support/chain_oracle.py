"""Whether the whole chain did with the accepted input what its pure decisions say, each thing once.

Hop by hop: what was captured is what the sender was told was accepted; and what each service emitted and kept of a
lead follows from what it read of that lead. What partitions share (turns, sending days) is taken as the events record
it, and then checked as a whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from runtime.partitioner import partition_of
from runtime.stage import Change, Input, Stage, TimerDue
from schemas.base import Cause, Event, derived_id
from schemas.events import (
    Assignment,
    EventDead,
    InputRejected,
    LeadAssigned,
    LeadCaptured,
    LeadReassigned,
    TouchRecorded,
)
from schemas.policy import Policy
from schemas.topics import (
    ASSIGNED,
    CAPTURED,
    DEAD,
    ENRICHED,
    ERASED,
    OUTCOMES,
    REJECTED,
    SCORED,
    SIGNALS,
    TOUCHED,
    Topic,
)
from services.capture.domain.items import Match, Received
from services.capture.domain.submissions import Desk, lead_item
from services.enrich.stage import EnrichStage
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger
from services.metrics.prometheus import BusinessMetrics
from services.metrics.stage import MetricsStage
from services.metrics.store import CLOCKS, LEDGER, _clock_rows, _ledger_rows, _moves
from services.nurture.domain.limits import SenderDay, SenderDays, place_in
from services.nurture.stage import NurtureStage
from services.nurture.store import Batch
from services.route.domain.turns import Candidate, Turn, Turns, next_in_turn
from services.route.stage import RouteStage
from services.route.store import Books
from services.score.stage import ScoreStage
from tests.support.bare_oracle import broken_sequences
from tests.support.chain_run import Accepted, ChainRun
from tests.support.linearize import Asked, Explainer, Found, Unexplained

TOPICS = (CAPTURED, SIGNALS, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES, REJECTED, DEAD)
FACTS = ((SIGNALS, "signals", "signal_id"), (OUTCOMES, "outcomes", "outcome_id"), (TOUCHED, "touches", "touch_id"))
ACCOUNT_RULE = "account-owner"
MOST_TOLD = 20

ByLead = dict[str, list[Event]]


@dataclass
class Log:
    """All topics, without what was written twice."""

    events: dict[str, list[Event]] = field(default_factory=dict)
    leads: dict[str, ByLead] = field(default_factory=dict)

    def of(self, topic: Topic, lead: str) -> list[Event]:
        return self.leads[topic.name].get(lead, [])


async def read_log(run: ChainRun) -> Log:
    log = Log()
    for topic in TOPICS:
        log.events[topic.name] = await run.harness.events(topic)
        leads: ByLead = defaultdict(list)
        for event in log.events[topic.name]:
            leads[event.subject].append(event)
        log.leads[topic.name] = dict(leads)
    return log


async def verdict(run: ChainRun, accepted: Accepted) -> list[str]:
    """What is not as it should be; nothing when the contract was kept."""
    policy, log = run.policy, await read_log(run)
    wrong = await broken_sequences(run.harness, TOPICS)
    wrong += [f"dead letter: {event.data.service} {event.data.detail}" for event in log.events[DEAD.name]]
    wrong += captured(log, accepted, policy)
    wrong += await identities(run, accepted)
    for explained in (_enrich(policy, run), _score(policy, run), _route(policy, run), _nurture(policy, run)):
        wrong += await explained.compare(run, log)
    wrong += await turns(run, log, policy)
    wrong += await sendings(run, log)
    wrong += await ledgers(run, log)
    return wrong


# -- capture ------------------------------------------------------------------------------------------


def captured(log: Log, accepted: Accepted, policy: Policy) -> list[str]:
    """The sender's answers against what stands on capture's topics."""
    wrong = []
    written = {event.data.origin.submission_id: event for event in log.events[CAPTURED.name]}
    told = {submission: (document, lead) for document, lead, submission in accepted.leads.values()}
    wrong += [f"captured, but not accepted: {submission}" for submission in written.keys() - told.keys()]
    wrong += [f"accepted, but not captured: {submission}" for submission in told.keys() - written.keys()]
    if len(written) != len(log.events[CAPTURED.name]):
        wrong.append("a submission was captured under two ids")
    for submission in written.keys() & told.keys():
        event, (document, lead) = written[submission], told[submission]
        assert isinstance(event, LeadCaptured)
        if event != _as_written(event, document, lead, policy):
            wrong.append(f"captured otherwise than it was sent: {document['id']}")
    for topic, kind, name in (
        (SIGNALS, "signals", "signal_id"),
        (OUTCOMES, "outcomes", "outcome_id"),
        (TOUCHED, "touches", "touch_id"),
    ):
        events = [event for event in log.events[topic.name] if event.source == "leadstream/capture"]
        found = Counter((getattr(event.data, name), event.subject) for event in events)
        if found != Counter(accepted.facts[kind].items()):
            wrong.append(f"{kind} differ: {list((found - Counter(accepted.facts[kind].items())).items())[:5]}")
    bodies = {orjson.loads(event.data.body)["id"] for event in log.events[REJECTED.name]}
    if bodies != accepted.refused:
        wrong.append(f"rejected otherwise than the sender was told: {list(bodies ^ accepted.refused)[:5]}")
    return wrong


def _as_written(event: LeadCaptured, document: Mapping[str, Any], lead: str, policy: Policy) -> Event:
    """The event that the document leads to, received when and matched as the event says."""
    origin = event.data.origin
    received = Received(origin.submission_id, origin.captured_at, "api", b"", {})
    item = lead_item(dict(document), Desk(policy.identity, received, lead))
    return CAPTURED.decode(item.row(Match(lead, event.data.identity)).value)


async def identities(run: ChainRun, accepted: Accepted) -> list[str]:
    """One person, one lead; and each key stands once."""
    wrong = []
    leads: dict[str, set[str]] = defaultdict(set)
    for document, lead, _ in accepted.leads.values():
        leads[document["email"].lower()].add(lead)
    wrong += [f"{email} is {len(ids)} leads" for email, ids in leads.items() if len(ids) != 1]
    if len({lead for ids in leads.values() for lead in ids}) != len(leads):
        wrong.append("two people are one lead")
    schema = run.settings.schema_of("capture")
    rows = await run.harness.rows(f"select value, lead_id from {schema}.identities where kind = 'email'")
    if {value: {lead} for value, lead in rows} != leads:
        wrong.append("capture's identities differ from what it answered")
    return wrong


# -- the stages ------------------------------------------------------------------------------------------


@dataclass
class Explained:
    """One service's leads, each to be explained by its inputs."""

    explainer: Explainer[Any]

    @property
    def inputs(self) -> tuple[Topic, ...]:
        return tuple(topic for topic in self.explainer.stage.inputs if topic is not ERASED)

    async def compare(self, run: ChainRun, log: Log) -> list[str]:
        stage = self.explainer.stage
        states = await run.harness.states(stage)
        timers = await _timers(run, stage)
        emitted: ByLead = defaultdict(list)
        for topic in self.explainer.stage.outputs:
            for event in log.events[topic.name]:
                if event.source == f"leadstream/{stage.name}":
                    emitted[event.subject].append(event)
        leads = {lead for topic in self.inputs for lead in log.leads[topic.name]} | states.keys() | emitted.keys()
        wrong: list[str] = []
        for lead in sorted(leads | timers.keys()):
            inputs = [log.of(topic, lead) for topic in self.inputs]
            found = Found(inputs, emitted.get(lead, []), states.get(lead), timers.get(lead, {}))
            if complaint := self.explainer.explain(found):
                wrong.append(f"{stage.name} of {lead}: {complaint}")
            if len(wrong) == MOST_TOLD:
                break
        return wrong


async def _timers(run: ChainRun, stage: Stage[Any]) -> dict[str, dict[str, tuple[datetime, Mapping[str, Any]]]]:
    query = f"select lead_id, name, due, body from {run.settings.schema_of(stage.name)}.timers"
    timers: dict[str, dict[str, tuple[datetime, Mapping[str, Any]]]] = defaultdict(dict)
    for lead, name, due, body in await run.harness.rows(query):
        timers[lead][name] = due.astimezone(UTC), orjson.loads(bytes(body))["data"]
    return timers


def _enrich(policy: Policy, run: ChainRun) -> Explained:
    return Explained(Explainer(EnrichStage(), policy, run.clock.now()))


def _score(policy: Policy, run: ChainRun) -> Explained:
    return Explained(Explainer(ScoreStage(), policy, run.clock.now()))


def _route(policy: Policy, run: ChainRun) -> Explained:
    explainer = Explainer(RouteStage(), policy, run.clock.now(), shared=_recorded_turns)
    return Explained(explainer)


class RecordedTurns(Turns):
    """Gives the turns that the input's assignments record, and only to who they say could have had them."""

    def __init__(self, cause: Cause, emitted: Sequence[Event]) -> None:
        super().__init__()
        kinds = (LeadAssigned.TYPES[0], LeadReassigned.TYPES[0])
        ids = {derived_id(RouteStage.name, cause.id, kind, ordinal) for kind in kinds for ordinal in range(3)}
        self._told: list[Assignment] = [event.data for event in emitted if event.id in ids]
        self._turns = iter([each for each in self._told if each.turn is not None])

    def take(self, pool: str, candidates: Sequence[Candidate]) -> Turn:
        told = next(self._turns, None)
        if told is None or told.turn is None or told.turn.pool != pool:
            raise Unexplained
        if told.turn.available != tuple(each.rep for each in candidates):
            raise Unexplained
        return Turn(told.rep, told.turn.ordinal)

    def account_owner(self, domain: str) -> str | None:  # noqa: ARG002  # who that is, is taken from what followed
        first = self._told[0] if self._told else None
        return first.rep if first is not None and first.rule == ACCOUNT_RULE else None


def _recorded_turns(_: Input, cause: Cause, emitted: Sequence[Event]) -> Iterator[Books]:
    yield Books(real=RecordedTurns(cause, emitted))


class Days(SenderDays):
    """Either every sender has all of its day left, or none has anything."""

    def __init__(self, *, full: bool, known: SenderDay | None) -> None:
        super().__init__({})
        self._full, self._known = full, known

    def knows(self, place: SenderDay) -> bool:
        return self._known is None or place == self._known

    def take(self, place: SenderDay, limit: int) -> bool:  # noqa: ARG002  # checked as a whole in `sendings`
        return not self._full

    def give_back(self, place: SenderDay) -> None:  # noqa: ARG002  # nothing is given back
        raise Unexplained  # the dry run sends everything


def _possible_days(item: Input, _: Cause, __: Sequence[Event]) -> Iterator[Batch]:
    yield Batch(Days(full=False, known=None), {})
    if isinstance(item, TimerDue):
        yield Batch(Days(full=True, known=None), {})
        # The batch had locked nothing but what this timer said of its touch.
        yield Batch(Days(full=False, known=place_in(item.data) or SenderDay("", "")), {})


def _sent_at(asked: Asked, emitted: Sequence[Event]) -> datetime | None:
    told = emitted[0] if emitted else None
    if isinstance(told, TouchRecorded) and told.data.touch_id == asked.payload["touch_id"] and told.status == "sent":
        return told.data.occurred_at
    return None


def _nurture(policy: Policy, run: ChainRun) -> Explained:
    explainer = Explainer(NurtureStage(), policy, run.clock.now(), shared=_possible_days, answered_at=_sent_at)
    return Explained(explainer)


# -- what partitions share ------------------------------------------------------------------------------------------


async def turns(run: ChainRun, log: Log, policy: Policy) -> list[str]:
    """Every turn of every pool was given once, to whose it was; and the books say so."""
    given: dict[str, list[Assignment]] = defaultdict(list)
    leads: Counter[str] = Counter()
    for event in log.events[ASSIGNED.name]:
        if isinstance(event, LeadAssigned | LeadReassigned):
            leads[event.data.rep] += 1
            if event.data.turn is not None:
                given[event.data.turn.pool].append(event.data)
    schema = run.settings.schema_of("route")
    rows = await run.harness.rows(f"select pool, ordinal, credit from {schema}.pools where ordinal > 0")
    pools = {pool: (ordinal, credit) for pool, ordinal, credit in rows}
    expected = {pool: _played(pool, assignments, policy) for pool, assignments in given.items()}
    wrong = [complaint for _, complaints in expected.values() for complaint in complaints]
    if {pool: book for pool, (book, _) in expected.items()} != pools:
        wrong.append(f"the pools stand at {pools}, by the events at {expected}")
    loads = dict(await run.harness.rows(f"select rep, sum(assigned)::int from {schema}.rep_load group by rep"))
    if loads != dict(leads):
        wrong.append(f"reps have {loads} leads by the books, {dict(leads)} by the events")
    return wrong


def _played(pool: str, assignments: list[Assignment], policy: Policy) -> tuple[tuple[int, dict[str, int]], list[str]]:
    """Where the pool must stand after these turns, and what is wrong with them."""
    weights = {member.rep: member.weight for each in policy.routing.pools if each.id == pool for member in each.members}
    turns_given = sorted(
        ((each.turn, each.rep) for each in assignments if each.turn is not None), key=lambda given: given[0].ordinal
    )
    wrong, credit = [], dict[str, int]()
    if [turn.ordinal for turn, _ in turns_given] != list(range(len(turns_given))):
        wrong.append(f"turns of {pool} are not 0 to {len(turns_given) - 1}, each once")
    for turn, rep in turns_given:
        candidates = [Candidate(each, weights[each]) for each in turn.available]
        expected, credit = next_in_turn(credit, candidates)
        if expected != rep:
            wrong.append(f"turn {turn.ordinal} of {pool} was {expected}'s and was given to {rep}")
    return (len(turns_given), credit), wrong[:MOST_TOLD]


async def sendings(run: ChainRun, log: Log) -> list[str]:
    """Each touch that was sent was written once by the sender, and counted once against its sender's day."""
    wrong: list[str] = []
    schema = run.settings.schema_of("nurture")
    told = Counter(
        event.data.touch_id
        for event in log.events[TOUCHED.name]
        if isinstance(event, TouchRecorded) and event.status == "sent" and event.source == "leadstream/nurture"
    )
    rows = await run.harness.rows(f"select touch_id, line from {schema}.dry_run_outbox")
    written = {touch: orjson.loads(line) for touch, line in rows}
    if Counter(written) and told != Counter(written.keys()):
        wrong.append(f"touches sent and told differ: {list(told - Counter(written.keys()))[:5]}")
    counted = Counter(place for payload in written.values() if (place := place_in(payload)) is not None)
    days = await run.harness.rows(f"select sender, day::text, sent from {schema}.sending_days where sent > 0")
    if {SenderDay(sender, day): sent for sender, day, sent in days} != dict(counted):
        wrong.append(f"senders' days are {days}, sent were {dict(counted)}")
    return wrong


# -- metrics ------------------------------------------------------------------------------------------


async def ledgers(run: ChainRun, log: Log) -> list[str]:
    """The ledgers, as a fold over the topics, in any order; and the rows that follow from them."""
    wrong: list[str] = []
    expected: dict[str, Ledger] = {}
    for topic in (CAPTURED, SIGNALS, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES):
        for event in log.events[topic.name]:
            after = fold(expected.get(event.subject), event)
            if after is not None:
                expected[event.subject] = after
    stage = MetricsStage(BusinessMetrics(CollectorRegistry()), run.settings.partitions)
    kept = await run.harness.states(stage)
    expected = {lead: Ledger.model_validate_json(each.model_dump_json()) for lead, each in expected.items()}
    wrong += [
        f"ledger of {lead}: {kept.get(lead)!s:.1000} is not {expected.get(lead)!s:.1000}"
        for lead in sorted(kept.keys() | expected.keys())
        if kept.get(lead) != expected.get(lead)
    ][:MOST_TOLD]
    changes: dict[str, Change[Ledger]] = {
        lead: Change(partition_of(lead.encode(), run.settings.partitions), None, each)
        for lead, each in expected.items()
    }
    schema = run.settings.schema_of("metrics")
    for table, columns, rows in (
        ("ledger", LEDGER, _ledger_rows(changes)),
        ("sla_clocks", CLOCKS, _clock_rows(changes)),
    ):
        found = await run.harness.rows(f"select {', '.join(columns)} from {schema}.{table}")
        if missing := Counter(map(tuple, rows)) - Counter(map(tuple, found)):
            wrong.append(f"metrics.{table} lacks {next(iter(missing))}")
        if surplus := Counter(map(tuple, found)) - Counter(map(tuple, rows)):
            wrong.append(f"metrics.{table} has {next(iter(surplus))}")
    counts = await run.harness.rows(
        f"select partition, stage, channel, band, leads from {schema}.stage_counts where leads <> 0"
    )
    if Counter(map(tuple, counts)) != Counter(map(tuple, _moves(changes))):
        wrong.append("metrics.stage_counts differ from the ledgers")
    wrong += await _tallies(run, log.events[REJECTED.name], log.events[DEAD.name])
    return wrong


async def _tallies(run: ChainRun, rejected: Iterable[Event], dead: Iterable[Event]) -> list[str]:
    schema, wrong = run.settings.schema_of("metrics"), []
    for table, events, kind in (("rejections", rejected, InputRejected), ("dead_letters", dead, EventDead)):
        expected = Counter(event.data.reason for event in events if isinstance(event, kind))
        found = dict(await run.harness.rows(f"select reason, sum(count)::int from {schema}.{table} group by reason"))
        if found != dict(expected):
            wrong.append(f"metrics.{table} counts {found}, the topic has {dict(expected)}")
    return wrong
