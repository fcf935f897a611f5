"""What one partition read, before anything is decided: repeats dropped, junk set aside, gaps found. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import orjson

from infra.errors import SequenceGap
from infra.partitioner import partition_of
from policy import Policy
from runtime.fence import EffectRow, FenceRow, TimerRow
from runtime.sequence import Stamp, Verdict, judge, seen_key, stamp_of
from runtime.stage import EffectDone, Input, TimerDue
from schemas.base import Cause, Event, cause_of, derived_id
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


class Item(NamedTuple):
    """An input to decide about, and where it came from."""

    input: Input
    lead_id: str
    cause: Cause
    source: Source
    ours: bool
    """False for a stranger's record."""


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
        return PartitionBatch(self.partition, self.sources[:middle]), PartitionBatch(
            self.partition, self.sources[middle:]
        )


@dataclass(slots=True)
class DecodedBatch:
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
    ignored: dict[tuple[str, str], int] = field(default_factory=dict)
    """(topic, type) → events that the stage ignores."""
    duplicates: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, SequenceGap] = field(default_factory=dict)
    passed: list[tuple[str, int]] = field(default_factory=list)
    """(topic, partition) of gaps that an operator had accepted."""


class BatchContext(NamedTuple):
    """What a batch decides under."""

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


def sift(work: PartitionBatch, fence: FenceRow, deciding: BatchContext) -> DecodedBatch:
    """Drops what was read before, sets aside what can't be read, and stops a topic at a gap in its sequences."""
    sifted = DecodedBatch(fence, offsets=dict(fence.offsets), seen=dict(fence.seen))
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


def _sift_record(
    sifted: DecodedBatch, read: Read, deciding: BatchContext, condemned: tuple[str, str, str] | None
) -> None:
    topic, record = read
    name = topic.name
    if record.offset < sifted.offsets.get(name, 0):
        return
    stamp = stamp_of(record.headers)
    if stamp is not None:
        key = seen_key(name, stamp.producer)
        last = sifted.seen.get(key)
        verdict = judge(last, stamp.sequence, from_start=name not in deciding.truncated)
        if verdict is Verdict.GAP:
            place = (name, record.partition)
            # One order lets one gap pass: the next one is another loss.
            if place not in deciding.gaps_accepted or place in sifted.passed:
                sifted.gaps[name] = SequenceGap(name, record.partition, stamp.producer, last or 0, stamp.sequence)
                return
            sifted.passed.append(place)
        if verdict is Verdict.DUPLICATE:
            sifted.duplicates[name] = sifted.duplicates.get(name, 0) + 1
            sifted.offsets[name] = record.offset + 1
            return
        sifted.seen[key] = stamp.sequence
    sifted.offsets[name] = record.offset + 1
    if condemned:
        sifted.dead.append((read, *condemned, stamp is not None))
    elif stamp and deciding.ignores and (kind := _type_of(record.value)) in deciding.ignores:
        sifted.ignored[name, kind] = sifted.ignored.get((name, kind), 0) + 1
    else:
        _decode(sifted, read, stamp, deciding)


def _type_of(value: bytes | None) -> str:
    """The type that one of our own records says near its beginning, without reading all of it."""
    head = (value or b"")[:HEAD]
    start = head.find(TYPE_SIGN) + len(TYPE_SIGN)
    return head[start : head.find(b'"', start)].decode("ascii", "replace") if start >= len(TYPE_SIGN) else ""


def _condemn(sifted: DecodedBatch, source: TimerRow | EffectRow, why: tuple[str, str, str]) -> None:
    if isinstance(source, TimerRow):
        sifted.timers.append(source)
    else:
        sifted.effects.append(source)
    sifted.dead.append((source, *why, True))


def _decode(sifted: DecodedBatch, read: Read, stamp: Stamp | None, deciding: BatchContext) -> None:
    record = read.record
    try:
        event = read.topic.decode(record.value or b"")
    except Malformed as error:
        sifted.dead.append((read, "decode", "malformed", str(error), stamp is not None))
        return
    if stamp is None and partition_of(event.subject.encode(), deciding.partitions) != record.partition:
        detail = f"`subject` does not belong to partition {record.partition}; use it as the record's key"
        sifted.dead.append((read, "decode", "wrong_partition", detail, False))
        return
    sifted.items.append(Item(event, event.subject, cause_of(event), read, stamp is not None))


def _timer_item(row: TimerRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    due = TimerDue(row.lead_id, row.name, row.due, body["data"], cause)
    # The timer's own identity, so that what it leads to differs from what its cause led to.
    own = cause.replace(id=derived_id(cause.id, "timer", row.name, row.due.isoformat()))
    return Item(due, row.lead_id, own, row, ours=True)


def _effect_item(row: EffectRow) -> Item:
    body = orjson.loads(row.body)
    cause = Cause(**body["cause"])
    done = EffectDone(
        row.lead_id, row.effect_id, body["kind"], row.status, row.detail, row.at, body["payload"], cause  # type: ignore[arg-type]  # the table's check and `read_results` allow no other
    )  # fmt: skip
    own = cause.replace(id=derived_id(row.effect_id, "result", row.status))
    return Item(done, row.lead_id, own, row, ours=True)


def inputs_of(sifted: Iterable[DecodedBatch]) -> list[Input]:
    """All inputs of a batch, for `Stage.prepare`."""
    return [item.input for each in sifted for item in each.items]
