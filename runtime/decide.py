"""Third step of a batch's life, without I/O: each input is decided, and what must be committed is gathered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import orjson

from infra.redact import safe_message
from runtime.dead_letters import Why, dead_letter, lead_of
from runtime.decode import BatchContext, DecodedBatch, Item, Source
from runtime.fence import Commit, EffectRow, OutboxRow, TimerRow
from runtime.stage import CancelTimer, Change, Context, Decision, Effect, SetTimer, Stage
from schemas.base import Cause, Event, Record
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

    decoded: DecodedBatch
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
    """Seconds from each live event's time to its decision."""

    def count(self, item: Item, result: str) -> None:
        """One more input that ended so."""
        key = (*item.counted_as, result)
        self.counts[key] = self.counts.get(key, 0) + 1


def decide(
    stage: Stage[S], decoded: DecodedBatch, stored: Mapping[str, bytes], context: BatchContext, shared: Any
) -> PartitionResult[S]:
    """Decides about every input in order; an exception of the stage sets that input aside."""
    result: PartitionResult[S] = PartitionResult(decoded, decoded.fence.failures)
    result.counts.update(((*counted_as, "dropped_ignored"), count) for counted_as, count in decoded.ignored.items())
    _set_unreadable_aside(result, context)
    for row in decoded.timers:
        result.timers[row.lead_id, row.name] = None
    before = _states(stage, decoded, stored, result)
    for item in decoded.items:
        over = item.input.__class__ is LeadErased or item.lead_id in result.erased
        if not over or not _is_over(stage, result, item):
            _decide_one(stage, result, item, context, shared)
    partition = decoded.fence.partition
    for lead, after in result.states.items():
        if after is not before.get(lead):
            result.changes[lead] = Change(partition, before.get(lead), after)
    return result


def _states(
    stage: Stage[S], decoded: DecodedBatch, stored: Mapping[str, bytes], result: PartitionResult[S]
) -> dict[str, S | None]:
    """The leads as they were before the batch; the erased ones are noted in the result."""
    read = stage.state_type.from_json
    states = result.states
    for item in decoded.items:
        lead = item.lead_id
        if lead in states or lead in result.erased:
            continue
        value = stored.get(lead)
        if value is not None and value.startswith(ERASED_MARK):
            result.erased[lead] = value
        else:
            states[lead] = read(value) if value else None
    return dict(states)


def _set_unreadable_aside(result: PartitionResult[S], context: BatchContext) -> None:
    for source, step, reason, detail, stamped in result.decoded.dead:
        _set_aside(result, source, Why(step, reason, detail), context)
        if stamped:
            _note_failure(result, lead_of(source), f"{step}: {reason}")


def _is_over(stage: Stage[S], result: PartitionResult[S], item: Item) -> bool:
    """Erases a lead, or passes over what comes for an erased one: for good, who writes again is another lead."""
    event = item.input
    if not isinstance(event, LeadErased):
        result.count(item, "dropped_erased")
        return True
    _erase(result, item.lead_id, event)
    if ERASED in stage.inputs:
        return False  # it has something of its own to say of it
    result.count(item, "erased")
    return True


def _decide_one(stage: Stage[S], result: PartitionResult[S], item: Item, context: BatchContext, shared: Any) -> None:
    event, lead, clock = item.input, item.lead_id, context.clock
    asked = Context(context.service, item.cause, context.policy, item.at, clock, shared)
    try:
        decision = stage.decide(event, result.states.get(lead), asked)
        rows = _encoded(result, item, decision, context) if decision.events else ()
        if decision.timers or decision.effects:
            _note_requests(result, item, decision)
    except Exception as error:  # noqa: BLE001  # the record is set aside with its reason; runtime.hold judges the sum
        _set_aside(result, item.source, Why("decide", type(error).__name__.lower(), repr(error)[:2_000]), context)
        if item.stamped:
            _note_failure(result, lead, safe_message(error))
        result.count(item, "dead")
    else:
        result.states[lead] = decision.state
        result.events += rows
        result.failures, result.succeeded = 0, True
        result.count(item, f"dropped_{decision.dropped}" if decision.dropped else "done")
    if isinstance(event, Event) and event.mode == "live":
        result.delays.append((clock - event.time).total_seconds())


def _encoded(
    result: PartitionResult[S], item: Item, decision: Decision[S], context: BatchContext
) -> list[tuple[str, bytes, bytes]]:
    key, topic_of = item.lead_id.encode(), context.topic_of
    events = decision.events
    if there := context.written_before.get(result.decoded.fence.partition):
        events = tuple(event for event in events if event.id not in there)
    rows = [(topic_of[event.__class__], key, event.to_json()) for event in events]
    for _, _, value in rows:
        if len(value) > MOST_EVENT:
            raise ValueError(f"decided on an event of {len(value)} bytes; {MOST_EVENT} are allowed")
    return rows


def _note_requests(result: PartitionResult[S], item: Item, decision: Decision[S]) -> None:
    """Timers and effects; they join the result only when all could be written."""
    partition = result.decoded.fence.partition
    timers = [_timer(item, partition, timer) for timer in decision.timers]
    acts = decision.effects and item.cause.mode == "live"
    effects = [_effect(item, partition, effect) for effect in decision.effects] if acts else ()
    result.timers.update(timers)
    result.effects.extend(effects)


def _plain(cause: Cause | Event) -> dict[str, str]:
    return {"id": cause.id, "lead_id": cause.lead_id, "traceparent": cause.traceparent, "mode": cause.mode}


def _timer(item: Item, partition: int, timer: SetTimer | CancelTimer) -> tuple[tuple[str, str], TimerRow | None]:
    name = (item.lead_id, timer.name)
    if isinstance(timer, CancelTimer):
        return name, None
    body = orjson.dumps({"data": dict(timer.data or {}), "cause": _plain(item.cause)})
    return name, TimerRow(item.lead_id, timer.name, partition, timer.due, body)


def _effect(item: Item, partition: int, effect: Effect) -> EffectRow:
    body = orjson.dumps({"kind": effect.kind, "payload": dict(effect.payload), "cause": _plain(item.cause)})
    return EffectRow(effect.effect_id, item.lead_id, partition, body)


def _erase(result: PartitionResult[S], lead: str, event: LeadErased) -> None:
    result.states.pop(lead, None)
    result.erased[lead] = ERASED_MARK + event.time.isoformat().encode()
    for name in [name for name in result.timers if name[0] == lead]:
        result.timers[name] = None
    result.effects = [row for row in result.effects if row.lead_id != lead]


def _set_aside(result: PartitionResult[S], source: Source, why: Why, context: BatchContext) -> None:
    partition = result.decoded.fence.partition
    letter = dead_letter(source, partition, why, context)
    if letter.id not in context.written_before.get(partition, ()):
        result.events.append((DEAD.name, letter.subject.encode(), letter.to_json()))


def _note_failure(result: PartitionResult[S], lead: str, why: str) -> None:
    result.failures += 1
    result.failed.add(lead)
    result.last_failure = why


def gather(commit: Commit, result: PartitionResult[S]) -> None:
    """Adds one partition's result to the commit, giving each event its sequence.

    Raises:
        Exception: a state can't be written; nothing is committed then.
    """
    decoded, partition = result.decoded, result.decoded.fence.partition
    _number(commit, partition, result)
    commit.intake_gone.extend(row.id for row in decoded.intake)
    for lead, change in result.changes.items():
        if lead in result.erased:
            continue
        if change.after is None:
            commit.gone.append(lead)
        else:
            commit.states[lead] = (partition, change.after.to_json())
    for lead, mark in result.erased.items():
        commit.states[lead] = (partition, mark)
        commit.erased.append(lead)
    for name, row in result.timers.items():
        if row is None:
            commit.timers_gone.add(name)
        else:
            commit.timers[name] = row
    commit.effects.extend(result.effects)
    commit.effects_gone.extend(row.effect_id for row in decoded.effects)


def _number(commit: Commit, partition: int, result: PartitionResult[S]) -> None:
    decoded = result.decoded
    heads = dict(decoded.fence.heads)
    add = commit.outbox.append
    for row in decoded.intake:
        heads[row.topic] = number = heads.get(row.topic, 0) + 1
        add(OutboxRow(partition, row.topic, number, row.key, row.value))
    for topic, key, value in result.events:
        heads[topic] = number = heads.get(topic, 0) + 1
        add(OutboxRow(partition, topic, number, key, value))
    after = replace(decoded.fence, failures=result.failures, offsets=decoded.offsets, seen=decoded.seen, heads=heads)
    commit.moves.append((decoded.fence, after))
