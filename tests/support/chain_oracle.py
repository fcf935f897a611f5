"""Whether the whole chain did with the accepted input what its pure decisions say, each thing once.

Hop by hop: what was captured is what the sender was told was accepted; and what each service emitted and kept of a
lead follows from what it read of that lead. What partitions share (turns, sending days) is taken as the events record
it, and then checked as a whole.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from infra.partitioner import partition_of
from policy import Policy
from runtime.stage import Change
from schemas.base import Event
from schemas.events import (
    Assignment,
    EventDead,
    InputRejected,
    LeadAssigned,
    LeadCaptured,
    LeadReassigned,
    SequencePlanned,
    SequenceStopped,
    TouchRecorded,
)
from schemas.topics import (
    ASSIGNED,
    CAPTURED,
    DEAD,
    ENRICHED,
    OUTCOMES,
    REJECTED,
    SCORED,
    SIGNALS,
    TOUCHED,
)
from services.capture.domain.items import Match, Received
from services.capture.domain.submissions import InputContext, lead_item
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger
from services.metrics.stage import MetricsStage
from services.metrics.store.rows import clock_rows, ledger_rows, stage_count_rows
from services.metrics.store.tables import LEDGER, SLA_CLOCKS
from services.metrics.telemetry import BusinessMetrics
from services.nurture.domain.limits import SenderDay, place_in
from services.nurture.stage import NurtureStage
from services.route.domain.turns import Candidate, next_in_turn
from tests.support.bare_oracle import broken_sequences
from tests.support.chain_log import TOPICS, Log, read_log
from tests.support.chain_run import Accepted, ChainRun
from tests.support.chain_stages import MOST_TOLD, complaints, enrich, in_two_processes, nurture, route, score

FACTS = ((SIGNALS, "signals", "signal_id"), (OUTCOMES, "outcomes", "outcome_id"), (TOUCHED, "touches", "touch_id"))


async def verdict(run: ChainRun, accepted: Accepted) -> list[str]:
    """What is not as it should be; nothing when the contract was kept."""
    gc.disable()  # millions of objects that stay: looking through them for garbage takes as long as the comparison
    try:
        return await _verdict(run, accepted)
    finally:
        gc.enable()


async def _verdict(run: ChainRun, accepted: Accepted) -> list[str]:
    policy, log = run.policy, await read_log(run)
    wrong = await broken_sequences(run.harness, TOPICS)
    wrong += [f"dead letter: {event.data.service} {event.data.detail}" for event in log.events[DEAD.name]]
    wrong += captured(log, accepted, policy)
    wrong += await identities(run, accepted)
    explained = (enrich(policy, run), score(policy, run), route(policy, run), nurture(policy, run))
    wrong += in_two_processes(
        complaints, [question for each in explained for question in await each.questions(run, log)]
    )
    wrong += await turns(run, log, policy)
    wrong += await sendings(run, log)
    wrong += await plans(run, log)
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
    item = lead_item(dict(document), InputContext(policy.identity, received, lead))
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


async def plans(run: ChainRun, log: Log) -> list[str]:
    """Every touch that was planned was sent, suppressed, or failed, once, or has an unknown result, or is pending."""
    planned: dict[str, set[str]] = defaultdict(set)
    ended: dict[str, Counter[str]] = defaultdict(Counter)
    for event in log.events[TOUCHED.name]:
        if event.source != "leadstream/nurture":
            continue
        if isinstance(event, TouchRecorded):
            ended[event.subject][event.data.touch_id] += 1
        elif isinstance(event, SequencePlanned | SequenceStopped):
            named = [touch.touch_id for touch in event.data.touches]
            planned[event.subject].update(named)
            if isinstance(event, SequenceStopped):
                ended[event.subject].update(named)
    states = await run.harness.states(NurtureStage())
    wrong = []
    for lead in planned.keys() | ended.keys() | states.keys():
        enrolment = states[lead].enrolment if lead in states else None
        touches = enrolment.touches if enrolment is not None else ()
        pending = [touch.touch_id for touch in touches if touch.progress in ("planned", "asked")]
        if Counter(planned[lead]) != ended[lead] + Counter(pending):
            wrong.append(f"planned for {lead} were {planned[lead]}, ended {ended[lead]}, pending are {pending}")
    return wrong[:MOST_TOLD]


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
    expected = {lead: Ledger.from_json(each.to_json()) for lead, each in expected.items()}
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
        ("ledger", LEDGER, ledger_rows(changes)),
        ("sla_clocks", SLA_CLOCKS, clock_rows(changes)),
    ):
        found = await run.harness.rows(f"select {', '.join(columns)} from {schema}.{table}")
        if missing := Counter(map(tuple, rows)) - Counter(map(tuple, found)):
            wrong.append(f"metrics.{table} lacks {next(iter(missing))}")
        if surplus := Counter(map(tuple, found)) - Counter(map(tuple, rows)):
            wrong.append(f"metrics.{table} has {next(iter(surplus))}")
    counts = await run.harness.rows(
        f"select partition, stage, channel, band, leads from {schema}.stage_counts where leads <> 0"
    )
    if Counter(map(tuple, counts)) != Counter(map(tuple, stage_count_rows(changes))):
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
