"""One batch of one partition, without I/O: decide about what was sifted, and gather what must be committed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from msgspec import structs

from infra.redact import safe_message
from runtime.dead_letters import Why, dead_letter, lead_of
from runtime.decode import BatchContext, DecodedBatch, Item, Read, Source
from runtime.fence import Commit, EffectRow, OutboxRow, TimerRow
from runtime.stage import CancelTimer, Change, Context, Decision, Effect, Input, SetTimer, Stage, TimerDue
from schemas.base import Event, Record
from schemas.events import LeadErased
from schemas.topics import DEAD, ERASED

S = TypeVar("S", bound=Record)

MOST_EVENT = 3 * 1024 * 1024
"""Bytes of an event that a record of ours can surely hold; a larger one is our mistake."""
ERASED_MARK = b"E"
"""First byte of the state kept of an erased lead; the moment of the erasure follows."""


@dataclass(slots=True)
class PartitionResult(Generic[S]):
    """What one partition's batch decided."""

    sifted: DecodedBatch
    failures: int
    """Of our own inputs, in a row, up to here."""
    succeeded: bool = False
    """Whether any input was decided."""
    failed: set[str] = field(default_factory=set)
    """Leads of which one of our own inputs failed."""
    last_failure: str = ""
    """Why the last of them failed, without values."""
    states: dict[str, S | None] = field(default_factory=dict)
    changes: dict[str, Change[S]] = field(default_factory=dict)
    events: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    """(topic, key, value)."""
    timers: dict[tuple[str, str], TimerRow | None] = field(default_factory=dict)
    effects: list[EffectRow] = field(default_factory=list)
    erased: dict[str, bytes] = field(default_factory=dict)
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(topic, type, result) → events."""
    delays: list[float] = field(default_factory=list)


def decide(
    stage: Stage[S],
    sifted: DecodedBatch,
    stored: Mapping[str, bytes],
    decoded: Callable[[bytes], S],
    deciding: BatchContext,
    shared: Any,
) -> PartitionResult[S]:
    """Decides about every item in order; an exception of the stage sets that item aside."""
    outcome: PartitionResult[S] = PartitionResult(sifted, sifted.fence.failures)
    outcome.counts.update(((*named, "dropped_ignored"), count) for named, count in sifted.ignored.items())
    before: dict[str, S | None] = {}
    for row in sifted.timers:
        outcome.timers[row.lead_id, row.name] = None
    for source, step, reason, detail, ours in sifted.dead:
        _bury(outcome, source, Why(step, reason, detail), deciding)
        if ours:
            _failed(outcome, lead_of(source), f"{step}: {reason}")
    for item in sifted.items:
        lead = item.lead_id
        if lead not in outcome.states and lead not in outcome.erased:
            value = stored.get(lead)
            if value is not None and value.startswith(ERASED_MARK):
                outcome.erased[lead] = value
            else:
                before[lead] = outcome.states[lead] = decoded(value) if value else None
        _decide_item(stage, outcome, item, deciding, shared)
    for lead, after in outcome.states.items():
        if after is not before.get(lead):
            outcome.changes[lead] = Change(sifted.fence.partition, before.get(lead), after)
    return outcome


def _decide_item(stage: Stage[S], outcome: PartitionResult[S], item: Item, deciding: BatchContext, shared: Any) -> None:
    event, lead = item.input, item.lead_id
    topic, kind = _names(item)
    if isinstance(event, LeadErased):
        _erase(outcome, lead, event)
        if ERASED not in stage.inputs:
            outcome.counts[topic, kind, "erased"] = outcome.counts.get((topic, kind, "erased"), 0) + 1
            return
    elif lead in outcome.erased:  # for good: who writes again is another lead
        outcome.counts[topic, kind, "dropped_erased"] = outcome.counts.get((topic, kind, "dropped_erased"), 0) + 1
        return
    context = Context(deciding.service, item.cause, deciding.policy, _business_time(event), deciding.clock, shared)
    try:
        decision = stage.decide(event, outcome.states.get(lead), context)
        rows = _rows(outcome, item, decision, deciding)
    except Exception as error:  # noqa: BLE001  # the record is set aside with its reason; runtime.hold judges the sum
        _bury(outcome, item.source, Why("decide", type(error).__name__.lower(), repr(error)[:2_000]), deciding)
        if item.ours:
            _failed(outcome, lead, safe_message(error))
        result = "dead"
    else:
        outcome.states[lead] = decision.state
        outcome.events.extend(rows)
        outcome.failures, outcome.succeeded = 0, True
        result = f"dropped_{decision.dropped}" if decision.dropped else "done"
    key = (topic, kind, result)
    outcome.counts[key] = outcome.counts.get(key, 0) + 1
    if isinstance(event, Event) and event.mode == "live":
        outcome.delays.append((deciding.clock - event.time).total_seconds())


def _rows(
    outcome: PartitionResult[S], item: Item, decision: Decision[S], deciding: BatchContext
) -> list[tuple[str, bytes, bytes]]:
    """Encodes a decision's events; timers and effects join the outcome only when all could be encoded."""
    key, partition = item.lead_id.encode(), outcome.sifted.fence.partition
    there = deciding.written_before.get(partition, ())
    events = [event for event in decision.events if event.id not in there] if there else decision.events
    rows = [(deciding.topic_of[type(event)], key, event.to_json()) for event in events]
    for _, _, value in rows:
        if len(value) > MOST_EVENT:
            raise ValueError(f"decided on an event of {len(value)} bytes; {MOST_EVENT} are allowed")
    timers = [_timer(item, partition, timer) for timer in decision.timers] if decision.timers else ()
    acts = decision.effects and item.cause.mode == "live"
    effects = [_effect(item, partition, effect) for effect in decision.effects] if acts else ()
    outcome.timers.update(timers)
    outcome.effects.extend(effects)
    return rows


def _timer(item: Item, partition: int, timer: SetTimer | CancelTimer) -> tuple[tuple[str, str], TimerRow | None]:
    name = (item.lead_id, timer.name)
    if isinstance(timer, CancelTimer):
        return name, None
    body = orjson.dumps({"data": dict(timer.data or {}), "cause": structs.asdict(item.cause)})
    return name, TimerRow(item.lead_id, timer.name, partition, timer.due, body)


def _effect(item: Item, partition: int, effect: Effect) -> EffectRow:
    body = orjson.dumps({"kind": effect.kind, "payload": dict(effect.payload), "cause": structs.asdict(item.cause)})
    return EffectRow(effect.effect_id, item.lead_id, partition, body)


def _names(item: Item) -> tuple[str, str]:
    source, event = item.source, item.input
    if isinstance(source, Read) and isinstance(event, Event):
        return source.topic.name, event.type
    return ("timers", "timer") if isinstance(source, TimerRow) else ("effects", "result")


def _business_time(event: Input) -> datetime:
    if isinstance(event, Event):
        return event.time
    return event.due if isinstance(event, TimerDue) else event.at


def _erase(outcome: PartitionResult[S], lead: str, event: LeadErased) -> None:
    outcome.states.pop(lead, None)
    outcome.erased[lead] = ERASED_MARK + event.time.isoformat().encode()
    for name in [name for name in outcome.timers if name[0] == lead]:
        outcome.timers[name] = None
    outcome.effects = [row for row in outcome.effects if row.lead_id != lead]


def _bury(outcome: PartitionResult[S], source: Source, why: Why, deciding: BatchContext) -> None:
    letter = dead_letter(source, outcome.sifted.fence.partition, why, deciding)
    if letter.id not in deciding.written_before.get(outcome.sifted.fence.partition, ()):
        outcome.events.append((DEAD.name, letter.subject.encode(), letter.to_json()))


def _failed(outcome: PartitionResult[S], lead: str, why: str) -> None:
    outcome.failures += 1
    outcome.failed.add(lead)
    outcome.last_failure = why


def gather(commit: Commit, outcome: PartitionResult[S], encode: Callable[[S], bytes]) -> None:
    """Adds one partition's outcome to the commit, giving each event its sequence."""
    sifted, partition = outcome.sifted, outcome.sifted.fence.partition
    heads = dict(sifted.fence.heads)
    events = [(row.topic, row.key, row.value) for row in sifted.intake]
    for topic, key, value in events + outcome.events:
        heads[topic] = heads.get(topic, 0) + 1
        commit.outbox.append(OutboxRow(partition, topic, heads[topic], key, value))
    after = replace(sifted.fence, failures=outcome.failures, offsets=sifted.offsets, seen=sifted.seen, heads=heads)
    commit.moves.append((sifted.fence, after))
    commit.intake_gone.extend(row.id for row in sifted.intake)
    for lead, change in outcome.changes.items():
        if lead in outcome.erased:
            continue
        if change.after is None:
            commit.gone.append(lead)
        else:
            commit.states[lead] = (partition, encode(change.after))
    for lead, mark in outcome.erased.items():
        commit.states[lead] = (partition, mark)
        commit.erased.append(lead)
    for name, row in outcome.timers.items():
        if row is None:
            commit.timers_gone.add(name)
        else:
            commit.timers[name] = row
    commit.effects.extend(outcome.effects)
    commit.effects_gone.extend(row.effect_id for row in sifted.effects)
