"""One batch of one partition, without I/O: sift what was read, decide, and gather what must be committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import orjson
from pydantic import ValidationError

from runtime.errors import SequenceGap, StageBroken
from runtime.fence import Commit, EffectRow, FenceRow, OutboxRow, TimerRow
from runtime.partitioner import partition_of
from runtime.sequence import Stamp, Verdict, judge, seen_key, stamp_of
from runtime.stage import (
    CancelTimer,
    Change,
    Context,
    Decision,
    Effect,
    EffectDone,
    Input,
    SetTimer,
    Stage,
    TimerDue,
)
from schemas.base import Cause, Event, Record, cause_of, derived_id, new_traceparent
from schemas.events import DeadLetter, EventDead, LeadErased
from schemas.policy import Policy
from schemas.topics import DEAD, ERASED, Topic

S = TypeVar("S", bound=Record)

MOST_EVENT = 3 * 1024 * 1024
"""Bytes of an event that a record of ours can surely hold; a larger one is our mistake."""
MOST_BURIED, MOST_BURIED_KEY = 2 * 1024 * 1024, 1024
"""Bytes of a record that its dead letter repeats, as base64."""
ERASED_MARK = b"E"
"""First byte of the state kept of an erased lead; the moment of the erasure follows."""


class LogRecord(Protocol):
    """What we use of aiokafka's ConsumerRecord."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Read(NamedTuple):
    """One record as it came, with the topic it was read from."""

    topic: Topic
    record: LogRecord


class IntakeRow(NamedTuple):
    """One event of an unpartitioned writer, waiting for its number."""

    id: int
    partition: int
    topic: str
    key: bytes
    value: bytes


Source = Read | TimerRow | EffectRow | IntakeRow


class Item(NamedTuple):
    """An input to decide about, and where it came from."""

    input: Input
    lead_id: str
    cause: Cause
    source: Source
    ours: bool
    """False for a stranger's record."""


@dataclass(slots=True)
class Work:
    """What one partition has to do in this batch."""

    partition: int
    sources: list[Source]
    condemned: str = ""
    """Why the database refuses these sources; they are set aside undecided."""

    def halves(self) -> tuple[Work, Work]:
        """The first half and the rest, for finding the source at fault."""
        middle = len(self.sources) // 2
        return Work(self.partition, self.sources[:middle]), Work(self.partition, self.sources[middle:])


@dataclass(slots=True)
class Sifted:
    """A partition's work after decoding: what to decide, what is done with already."""

    fence: FenceRow
    items: list[Item] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    dead: list[tuple[Source, str, str, str, bool]] = field(default_factory=list)
    """(source, step, reason, detail, ours)."""
    intake: list[IntakeRow] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    effects: list[EffectRow] = field(default_factory=list)
    duplicates: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, SequenceGap] = field(default_factory=dict)


class Deciding(NamedTuple):
    """What a batch decides under."""

    service: str
    policy: Policy
    clock: datetime
    partitions: int
    own_failures: int
    topic_of: Mapping[type[Event], str]
    """Event → the output topic it goes to; a stage may emit nothing else."""
    truncated: Collection[str] = ()
    """Topics whose log no longer begins with its first record."""
    gaps_accepted: Collection[tuple[str, int]] = ()
    """(topic, partition) where an operator lets the stream go on behind a gap."""


def sift(work: Work, fence: FenceRow, deciding: Deciding) -> Sifted:
    """Drops what was read before, sets aside what can't be read, and stops a topic at a gap in its sequences."""
    sifted = Sifted(fence, offsets=dict(fence.offsets), seen=dict(fence.seen))
    for source in work.sources:
        if isinstance(source, Read):
            if source.topic.name not in sifted.gaps:
                _sift_record(sifted, source, deciding, work.condemned)
        elif work.condemned and not isinstance(source, IntakeRow):
            _condemn(sifted, source, work.condemned)
        elif isinstance(source, TimerRow):
            sifted.timers.append(source)
            sifted.items.append(_timer_item(source))
        elif isinstance(source, EffectRow):
            sifted.effects.append(source)
            sifted.items.append(_effect_item(source))
        else:
            sifted.intake.append(source)
    return sifted


def _sift_record(sifted: Sifted, read: Read, deciding: Deciding, condemned: str) -> None:
    topic, record = read
    name = topic.name
    if record.offset < sifted.offsets.get(name, 0):
        return
    stamp = stamp_of(record.headers)
    if stamp is not None:
        key = seen_key(name, stamp.producer)
        last = sifted.seen.get(key)
        verdict = judge(last, stamp.sequence, from_start=name not in deciding.truncated)
        if verdict is Verdict.GAP and (name, record.partition) not in deciding.gaps_accepted:
            sifted.gaps[name] = SequenceGap(name, record.partition, stamp.producer, last or 0, stamp.sequence)
            return
        if verdict is Verdict.DUPLICATE:
            sifted.duplicates[name] = sifted.duplicates.get(name, 0) + 1
            sifted.offsets[name] = record.offset + 1
            return
        sifted.seen[key] = stamp.sequence
    sifted.offsets[name] = record.offset + 1
    if condemned:
        sifted.dead.append((read, "commit", "refused_by_database", condemned, stamp is not None))
    else:
        _decode(sifted, read, stamp, deciding)


def _condemn(sifted: Sifted, source: TimerRow | EffectRow, detail: str) -> None:
    if isinstance(source, TimerRow):
        sifted.timers.append(source)
    else:
        sifted.effects.append(source)
    sifted.dead.append((source, "commit", "refused_by_database", detail, True))


def _decode(sifted: Sifted, read: Read, stamp: Stamp | None, deciding: Deciding) -> None:
    record = read.record
    try:
        event = read.topic.decode(record.value or b"")
    except ValidationError as error:
        sifted.dead.append((read, "decode", "malformed", _brief(error), stamp is not None))
        return
    if stamp is None and partition_of(event.subject.encode(), deciding.partitions) != record.partition:
        detail = f"`subject` does not belong to partition {record.partition}; use it as the record's key"
        sifted.dead.append((read, "decode", "wrong_partition", detail, False))
        return
    sifted.items.append(Item(event, event.subject, cause_of(event), read, stamp is not None))


def _brief(error: ValidationError) -> str:
    """Where and why, without the values, which may be personal."""
    lines = (f"{'.'.join(map(str, e['loc'])) or '(root)'}: {e['type']}" for e in error.errors(include_input=False)[:10])
    return "; ".join(lines)


def _timer_item(row: TimerRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    due = TimerDue(row.lead_id, row.name, row.due, body["data"], cause)
    # The timer's own identity, so that what it leads to differs from what its cause led to.
    own = cause.model_copy(update={"id": derived_id(cause.id, "timer", row.name, row.due.isoformat())})
    return Item(due, row.lead_id, own, row, ours=True)


def _effect_item(row: EffectRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    done = EffectDone(
        row.lead_id, row.effect_id, body["kind"], row.status, row.detail, row.at, body["payload"], cause  # type: ignore[arg-type]  # the table's check and `read_results` allow no other
    )  # fmt: skip
    own = cause.model_copy(update={"id": derived_id(row.effect_id, "result", row.status)})
    return Item(done, row.lead_id, own, row, ours=True)


@dataclass(slots=True)
class Outcome(Generic[S]):
    """What one partition's batch decided."""

    sifted: Sifted
    failures: int
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
    sifted: Sifted,
    stored: Mapping[str, bytes],
    decoded: Callable[[bytes], S],
    deciding: Deciding,
    shared: Any,
) -> Outcome[S]:
    """Decides about every item in order; an exception of the stage sets that item aside.

    Raises:
        StageBroken: too many of our own exceptions in a row.

    """
    outcome: Outcome[S] = Outcome(sifted, sifted.fence.failures)
    before: dict[str, S | None] = {}
    for row in sifted.timers:
        outcome.timers[row.lead_id, row.name] = None
    for source, step, reason, detail, ours in sifted.dead:
        _bury(outcome, source, (step, reason, detail), deciding)
        _count_failure(outcome, deciding, detail, ours=ours)
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


def _decide_item(stage: Stage[S], outcome: Outcome[S], item: Item, deciding: Deciding, shared: Any) -> None:
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
    except Exception as error:  # noqa: BLE001  # the record is set aside with its reason, and a ceiling stops us
        _bury(outcome, item.source, ("decide", type(error).__name__.lower(), repr(error)[:2_000]), deciding)
        _count_failure(outcome, deciding, repr(error), ours=item.ours)
        result = "dead"
    else:
        outcome.states[lead] = decision.state
        outcome.events.extend(rows)
        outcome.failures = 0
        result = f"dropped_{decision.dropped}" if decision.dropped else "done"
    key = (topic, kind, result)
    outcome.counts[key] = outcome.counts.get(key, 0) + 1
    if isinstance(event, Event) and event.mode == "live":
        outcome.delays.append((deciding.clock - event.time).total_seconds())


def _rows(outcome: Outcome[S], item: Item, decision: Decision[S], deciding: Deciding) -> list[tuple[str, bytes, bytes]]:
    """Encodes a decision's events; timers and effects join the outcome only when all could be encoded."""
    key, partition = item.lead_id.encode(), outcome.sifted.fence.partition
    rows = [(deciding.topic_of[type(event)], key, event.to_json()) for event in decision.events]
    if rows and (largest := max(len(row[2]) for row in rows)) > MOST_EVENT:
        raise ValueError(f"decided on an event of {largest} bytes; {MOST_EVENT} are allowed")
    timers = [_timer(item, partition, timer) for timer in decision.timers]
    effects = [] if item.cause.mode != "live" else [_effect(item, partition, effect) for effect in decision.effects]
    outcome.timers.update(timers)
    outcome.effects.extend(effects)
    return rows


def _timer(item: Item, partition: int, timer: SetTimer | CancelTimer) -> tuple[tuple[str, str], TimerRow | None]:
    name = (item.lead_id, timer.name)
    if isinstance(timer, CancelTimer):
        return name, None
    body = orjson.dumps({"data": dict(timer.data or {}), "cause": item.cause.model_dump()})
    return name, TimerRow(item.lead_id, timer.name, partition, timer.due, body)


def _effect(item: Item, partition: int, effect: Effect) -> EffectRow:
    body = orjson.dumps({"kind": effect.kind, "payload": dict(effect.payload), "cause": item.cause.model_dump()})
    return EffectRow(effect.effect_id, item.lead_id, partition, body)


def _names(item: Item) -> tuple[str, str]:
    if isinstance(item.source, Read) and isinstance(item.input, Event):
        return item.source.topic.name, item.input.type
    return ("timers", "timer") if isinstance(item.source, TimerRow) else ("effects", "result")


def _business_time(event: Input) -> datetime:
    if isinstance(event, Event):
        return event.time
    return event.due if isinstance(event, TimerDue) else event.at


def _erase(outcome: Outcome[S], lead: str, event: LeadErased) -> None:
    outcome.states.pop(lead, None)
    outcome.erased[lead] = ERASED_MARK + event.time.isoformat().encode()
    for name in [name for name in outcome.timers if name[0] == lead]:
        outcome.timers[name] = None
    outcome.effects = [row for row in outcome.effects if row.lead_id != lead]


def _bury(outcome: Outcome[S], source: Source, why: tuple[str, str, str], deciding: Deciding) -> None:
    """Writes the dead letter of a record, timer or effect, with its bytes."""
    partition = outcome.sifted.fence.partition
    step, reason, detail = why
    if isinstance(source, Read):
        record = source.record
        place, key, value = (source.topic.name, record.partition, record.offset), record.key, record.value
        headers = tuple((name, bytes(text or b"")) for name, text in record.headers)
    else:
        name = "timers" if isinstance(source, TimerRow) else "effects"
        place, key, headers = (name, partition, 0), _lead_of(source).encode(), ()
        value = source.value if isinstance(source, IntakeRow) else source.body
    identity = derived_id(deciding.service, *place, step, reason, value or b"")
    if (size := len(key or b"") + len(value or b"") + sum(len(text) for _, text in headers)) > MOST_BURIED:
        detail = f"{size} bytes, too many for a dead letter: the rest is where it was read. {detail}"
        key, value, headers = (key or b"")[:MOST_BURIED_KEY], (value or b"")[:MOST_BURIED], ()
    lead = _lead_of(source) or f"dead-{identity[:24]}"
    letter = DeadLetter(
        service=deciding.service, topic=place[0], partition=place[1], offset=place[2],
        step=step, reason=reason, detail=detail, key=key, value=value, headers=headers,
    )  # fmt: skip
    event = EventDead.create(
        cause=Cause(id=identity, lead_id=lead, traceparent=new_traceparent(identity)),
        service=deciding.service,
        time=deciding.clock,
        data=letter,
    )
    outcome.events.append((DEAD.name, lead.encode(), event.to_json()))


def _lead_of(source: Source) -> str:
    if isinstance(source, Read):
        key = source.record.key or b""
        text = key.decode("ascii", "replace")
        return text if text.isascii() and text.replace("-", "").replace("_", "").isalnum() and len(text) <= 64 else ""
    return "" if isinstance(source, IntakeRow) else source.lead_id


def _count_failure(outcome: Outcome[S], deciding: Deciding, detail: str, *, ours: bool) -> None:
    if not ours:
        return
    outcome.failures += 1
    if outcome.failures >= deciding.own_failures:
        raise StageBroken(
            f"{deciding.service} failed {outcome.failures} times in a row on partition "
            f"{outcome.sifted.fence.partition}; stopping before it drains the topic. Last: {detail[:500]}"
        )


def gather(commit: Commit, outcome: Outcome[S], encode: Callable[[S], bytes]) -> None:
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


def inputs_of(sifted: Iterable[Sifted]) -> list[Input]:
    """All inputs of a batch, for `Stage.prepare`."""
    return [item.input for each in sifted for item in each.items]
