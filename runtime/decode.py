"""Second step of a batch's life: what one partition read becomes inputs. Repeats are dropped, junk is set aside, a gap
stops its topic. No I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
import orjson

from infra.errors import SequenceGap
from infra.partitioner import partition_of
from policy import Policy
from runtime.fence import EffectRow, FenceRow, TimerRow
from runtime.sequence import Stamp, Verdict, judge, seen_key, stamp_of
from runtime.stage import EffectDone, Input, TimerDue
from schemas.base import Cause, Event, derived_id
from schemas.strict import Malformed
from schemas.topics import Topic

HEAD = 512
"""Bytes in which a record of ours has named its type: before it stand an id and a source, of 200 bytes at most."""
TYPE_SIGN = b'"type":"'


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


class Item(msgspec.Struct, frozen=True, gc=False):
    """An input to decide about, and where it came from."""

    input: Input
    lead_id: str
    cause: Cause | Event
    """What the decision answers to; an event is its own cause."""
    at: datetime
    """Business time: an event's `time`, or when a timer was due."""
    counted_as: tuple[str, str]
    """Topic and type."""
    source: Source
    stamped: bool
    """Whether it is one of our own; False for a stranger's record."""


@dataclass(slots=True)
class PartitionBatch:
    """What one partition has to do in this batch."""

    partition: int
    sources: list[Source]
    condemned: tuple[str, str, str] | None = None
    """Step, reason and detail of why these sources can't be taken in; they are set aside undecided."""

    def halves(self) -> tuple[PartitionBatch, PartitionBatch]:
        """The first half and the rest, for finding the source at fault."""
        middle = len(self.sources) // 2
        first, rest = self.sources[:middle], self.sources[middle:]
        return PartitionBatch(self.partition, first), PartitionBatch(self.partition, rest)


class Unreadable(NamedTuple):
    """A source that never becomes an input."""

    source: Source
    step: str
    reason: str
    detail: str
    stamped: bool


@dataclass(slots=True)
class DecodedBatch:
    """A partition's batch after decoding: what to decide, and what is done with already."""

    fence: FenceRow
    items: list[Item] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    dead: list[Unreadable] = field(default_factory=list)
    intake: list[IntakeRow] = field(default_factory=list)
    timers: list[TimerRow] = field(default_factory=list)
    effects: list[EffectRow] = field(default_factory=list)
    ignored: dict[tuple[str, str], int] = field(default_factory=dict)
    """(topic, type) → events that the stage ignores."""
    duplicates: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, SequenceGap] = field(default_factory=dict)
    passed: list[tuple[str, int]] = field(default_factory=list)
    """(topic, partition) of gaps that an operator had accepted."""


class BatchContext(NamedTuple):
    """What a batch is decided under."""

    service: str
    policy: Policy
    clock: datetime
    partitions: int
    topic_of: Mapping[type[Event], str]
    """Event → the output topic it goes to; a stage may emit nothing else."""
    ignores: Collection[str] = ()
    """`Stage.ignores`."""
    truncated: Collection[str] = ()
    """Topics whose log no longer begins with its first record."""
    written_before: Mapping[int, Collection[str]] = {}
    """Partition → ids of events that the log has already, though the database forgot them."""
    gaps_accepted: Collection[tuple[str, int]] = ()
    """(topic, partition) where an operator lets the stream go on behind a gap."""


def decode(batch: PartitionBatch, fence: FenceRow, context: BatchContext) -> DecodedBatch:
    """Reads a partition's sources, in order."""
    decoded = DecodedBatch(fence, offsets=dict(fence.offsets), seen=dict(fence.seen))
    for source in batch.sources:
        if isinstance(source, Read):
            if source.topic.name not in decoded.gaps:
                _take_record(decoded, source, context, batch.condemned)
        elif isinstance(source, IntakeRow):
            decoded.intake.append(source)
        else:
            _take_own(decoded, source, batch.condemned)
    return decoded


def _take_own(decoded: DecodedBatch, source: TimerRow | EffectRow, condemned: tuple[str, str, str] | None) -> None:
    """A timer or a result, which the commit removes whatever becomes of it."""
    if isinstance(source, TimerRow):
        decoded.timers.append(source)
    else:
        decoded.effects.append(source)
    if condemned:
        decoded.dead.append(Unreadable(source, *condemned, stamped=True))
    else:
        decoded.items.append(_timer_item(source) if isinstance(source, TimerRow) else _effect_item(source))


def _take_record(
    decoded: DecodedBatch, read: Read, context: BatchContext, condemned: tuple[str, str, str] | None
) -> None:
    name, record = read.topic.name, read.record
    if record.offset < decoded.offsets.get(name, 0):
        return
    stamp = stamp_of(record.headers)
    if stamp is not None and not _is_next(decoded, read, stamp, context):
        return
    decoded.offsets[name] = record.offset + 1
    if condemned:
        decoded.dead.append(Unreadable(read, *condemned, stamped=stamp is not None))
    elif stamp is None:
        _read_strictly(decoded, read, context, stamped=False)
    else:
        _read_own(decoded, read, context)


def _is_next(decoded: DecodedBatch, read: Read, stamp: Stamp, context: BatchContext) -> bool:
    """Whether a record of ours is the next of its producer; a repeat moves the position, a gap stops the topic."""
    name, record = read.topic.name, read.record
    key = seen_key(name, stamp.producer)
    last = decoded.seen.get(key)
    if last is not None and stamp.sequence == last + 1:
        decoded.seen[key] = stamp.sequence
        return True
    verdict = judge(last, stamp.sequence, from_start=name not in context.truncated)
    if verdict is Verdict.DUPLICATE:
        decoded.duplicates[name] = decoded.duplicates.get(name, 0) + 1
        decoded.offsets[name] = record.offset + 1
        return False
    if verdict is Verdict.GAP:
        place = (name, record.partition)
        # One order lets one gap pass: the next one is another loss.
        if place not in context.gaps_accepted or place in decoded.passed:
            decoded.gaps[name] = SequenceGap(name, record.partition, stamp.producer, last or 0, stamp.sequence)
            return False
        decoded.passed.append(place)
    decoded.seen[key] = stamp.sequence
    return True


def _read_own(decoded: DecodedBatch, read: Read, context: BatchContext) -> None:
    """One of our own records: its type says how to read it, or that this stage learns nothing from it."""
    topic, value = read.topic, read.record.value or b""
    kind = type_of(value)
    if kind in context.ignores:
        counted_as = (topic.name, kind)
        decoded.ignored[counted_as] = decoded.ignored.get(counted_as, 0) + 1
        return
    try:
        event = topic.readers[kind](value)
    except (KeyError, ValueError, RecursionError):
        _read_strictly(decoded, read, context, stamped=True)  # to tell what is wrong with it
        return
    lead = event.subject
    decoded.items.append(Item(event, lead, event, event.time, (topic.name, kind), read, stamped=True))


def type_of(value: bytes) -> str:
    """The type that one of our own records says near its beginning, without reading all of it."""
    start = value.find(TYPE_SIGN, 0, HEAD)
    if start < 0:
        return ""
    start += len(TYPE_SIGN)
    return value[start : value.find(b'"', start)].decode("ascii", "replace")


def _read_strictly(decoded: DecodedBatch, read: Read, context: BatchContext, *, stamped: bool) -> None:
    record = read.record
    try:
        event = read.topic.decode(record.value or b"")
    except Malformed as error:
        decoded.dead.append(Unreadable(read, "decode", "malformed", str(error), stamped))
        return
    if not stamped and partition_of(event.subject.encode(), context.partitions) != record.partition:
        detail = f"`subject` does not belong to partition {record.partition}; use it as the record's key"
        decoded.dead.append(Unreadable(read, "decode", "wrong_partition", detail, stamped))
        return
    counted_as = (read.topic.name, event.type)
    decoded.items.append(Item(event, event.subject, event, event.time, counted_as, read, stamped))


def _timer_item(row: TimerRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    due = TimerDue(row.lead_id, row.name, row.due, body["data"], cause)
    # The timer's own identity, so that what it leads to differs from what its cause led to.
    own = cause.replace(id=derived_id(cause.id, "timer", row.name, row.due.isoformat()))
    return Item(due, row.lead_id, own, row.due, ("timers", "timer"), row, stamped=True)


def _effect_item(row: EffectRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    done = EffectDone(
        row.lead_id, row.effect_id, body["kind"], row.status, row.detail, row.at, body["payload"], cause  # type: ignore[arg-type]  # the table's check and `read_results` allow no other
    )  # fmt: skip
    own = cause.replace(id=derived_id(row.effect_id, "result", row.status))
    return Item(done, row.lead_id, own, done.at, ("effects", "result"), row, stamped=True)


def inputs_of(decoded: Iterable[DecodedBatch]) -> list[Input]:
    """All inputs of a batch, for `Stage.prepare`."""
    return [item.input for each in decoded for item in each.items]
