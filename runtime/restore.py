"""Notices a database that is older than the log, and goes on without losing or repeating an event.

After a failover or a restore, Postgres may have forgotten commits whose events are on the topics already. Its
sequences would be given out a second time, and readers would drop new events as duplicates. So whoever takes a
partition over compares the end of each output topic with the fence. Where the log knows more, the partition begins a
new incarnation, and the events that the log has are remembered by id: inputs that are decided again lead to the same
ids, which are not written again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.errors import Fenced
from infra.postgres import Connection
from infra.settings import Settings
from runtime.fence import FenceRow, OutboxRow, blocks_of
from runtime.publish import Lane
from runtime.sequence import stamp_of

log = structlog.get_logger()

FIRST_LOOK, FURTHER = 64, 16
"""Records at the end of a lane that are looked at first, and by how much more each time none of them is ours."""


@dataclass(slots=True)
class Tail:
    """What the end of one lane holds of one producer."""

    end: int
    """The offset after the last record."""
    last: int = 0
    """The producer's highest sequence; 0 when it has no record behind the floor."""
    later: list[str] = field(default_factory=list)
    """Ids of its events above the sequence asked for."""


def producer_name(service: str, row: FenceRow, incarnation: str) -> str:
    """Under which name the events of a partition are numbered."""
    return f"{service}@{row.incarnation or incarnation}"


async def read_tails(
    settings: Settings, lanes: Mapping[Lane, tuple[str, int]], checked: Mapping[Lane, int]
) -> dict[Lane, Tail]:
    """Reads the ends of lanes backwards, until each producer's own last known record is met.

    Args:
        settings: where Kafka is.
        lanes: lane → the producer to look for, and the highest sequence it is known to have given out.
        checked: lane → the offset before which nothing needs to be looked at.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        names = {TopicPartition(settings.topic(topic), partition): (partition, topic) for partition, topic in lanes}
        consumer.assign(list(names))
        first = await consumer.beginning_offsets(list(names))
        ends = await consumer.end_offsets(list(names))
        tails = {lane: Tail(ends[tp]) for tp, lane in names.items()}
        floors = {tp: max(first[tp], min(checked.get(lane, 0), ends[tp])) for tp, lane in names.items()}
        reach, open_lanes = FIRST_LOOK, {tp for tp in names if ends[tp] > floors[tp]}
        while open_lanes:
            starts = {tp: max(floors[tp], ends[tp] - reach) for tp in open_lanes}
            found = await _read(consumer, starts, ends)
            for tp, records in found.items():
                lane = names[tp]
                tails[lane] = _tail(records, ends[tp], *lanes[lane])
            known = {tp for tp in open_lanes if 0 < _lowest(found[tp], lanes[names[tp]][0]) <= lanes[names[tp]][1] + 1}
            open_lanes = {tp for tp in open_lanes - known if starts[tp] > floors[tp]}
            reach *= FURTHER
        return tails
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[Any]]:
    found: dict[TopicPartition, list[Any]] = {tp: [] for tp in starts}
    consumer.pause(*consumer.assignment())
    for tp, start in starts.items():
        consumer.seek(tp, start)
    consumer.resume(*starts)
    left = set(starts)
    while left:
        for tp, records in (await consumer.getmany(*left, timeout_ms=500)).items():
            found[tp] += [record for record in records if record.offset < ends[tp]]
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    return found


def _lowest(records: Iterable[Any], producer: str) -> int:
    stamps = (stamp_of(record.headers) for record in records)
    return min((stamp.sequence for stamp in stamps if stamp and stamp.producer == producer), default=0)


def _tail(records: Iterable[Any], end: int, producer: str, known: int) -> Tail:
    tail, service = Tail(end), producer.partition("@")[0] + "@"
    ours = [(stamp, record) for record in records if (stamp := stamp_of(record.headers)) is not None]
    forgotten = (producer, known) not in [stamp for stamp, _ in ours]
    for stamp, record in ours:
        if stamp.producer == producer:
            tail.last = max(tail.last, stamp.sequence)
            forgotten = forgotten or stamp.sequence >= known
        # What was written after that under another incarnation was forgotten with it.
        if forgotten and stamp != (producer, known) and stamp.producer.startswith(service):
            tail.later.append(str(orjson.loads(record.value)["id"]))
    return tail


async def catch_up(
    connection: Connection,
    fences: Mapping[int, FenceRow],
    outbox: Collection[OutboxRow],
    tails: Mapping[Lane, Tail],
) -> tuple[dict[int, FenceRow], list[OutboxRow]]:
    """Notes how far log and fence were compared; begins new incarnations where the log is ahead.

    Returns the fences and the outbox as they are afterwards.

    Raises:
        Fenced: another worker has taken some of the partitions; nothing was changed.
    """
    after: dict[int, FenceRow] = {}
    forgotten: dict[int, list[str]] = {}
    rows = list(outbox)
    for partition, row in fences.items():
        ours = {topic: tail for (number, topic), tail in tails.items() if number == partition}
        checked = {**row.checked, **{topic: tail.end for topic, tail in ours.items()}}
        after[partition] = replace(row, checked=checked)
        if any(tail.last > row.heads.get(topic, 0) for topic, tail in ours.items()):
            forgotten[partition] = [event_id for tail in ours.values() for event_id in tail.later]
            kept = _renumbered([each for each in rows if each.partition == partition], ours)
            rows = [each for each in rows if each.partition != partition] + kept
            heads = {each.topic: each.seq for each in kept}
            after[partition] = replace(after[partition], incarnation=uuid.uuid4().hex[:12], heads=heads)
    async with connection.transaction():
        await _write(connection, after, {p: [row for row in rows if row.partition == p] for p in forgotten}, forgotten)
    for partition, events in forgotten.items():
        log.error(
            "Postgres is older than the log, as after a restore: a new incarnation begins",
            partition=partition,
            incarnation=after[partition].incarnation,
            events_that_the_log_has=len(events),
        )
    return after, rows


def _renumbered(rows: Iterable[OutboxRow], tails: Mapping[str, Tail]) -> list[OutboxRow]:
    """What the log lacks of a partition's outbox, numbered from 1."""
    kept: list[OutboxRow] = []
    last: dict[str, int] = {}
    for row in rows:
        if row.topic not in tails or row.seq > tails[row.topic].last:
            last[row.topic] = last.get(row.topic, 0) + 1
            kept.append(row._replace(seq=last[row.topic]))
    return kept


async def _write(
    connection: Connection,
    fences: Mapping[int, FenceRow],
    outbox: Mapping[int, list[OutboxRow]],
    forgotten: Mapping[int, list[str]],
) -> None:
    cursor = await connection.execute(
        "update fence f set checked = n.checked::jsonb, incarnation = n.incarnation, heads = n.heads::jsonb "
        "from unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[]) "
        "as n (partition, epoch, commits, checked, incarnation, heads) "
        "where f.partition = n.partition and f.epoch = n.epoch and f.commits = n.commits returning f.partition",
        (
            list(fences),
            [row.epoch for row in fences.values()],
            [row.commits for row in fences.values()],
            [orjson.dumps(dict(row.checked)).decode() for row in fences.values()],
            [row.incarnation for row in fences.values()],
            [orjson.dumps(dict(row.heads)).decode() for row in fences.values()],
        ),
    )
    if lost := set(fences) - {partition for (partition,) in await cursor.fetchall()}:
        raise Fenced(lost)
    for partition, rows in outbox.items():
        await connection.execute("delete from outbox where partition = %s", (partition,))
        for block in blocks_of(rows):
            await connection.execute(
                "insert into outbox (partition, topic, first_seq, last_seq, events) values (%s, %s, %s, %s, %b)",
                (block.partition, block.topic, block.first, block.last, block.joined),
            )
        await connection.execute(
            "insert into written_before select %s, unnest(%s::text[]) on conflict do nothing",
            (partition, forgotten[partition]),
        )


async def read_written_before(connection: Connection, partitions: Collection[int]) -> dict[int, frozenset[str]]:
    """By partition, the ids of events that the log had when the database was put back."""
    cursor = await connection.execute(
        "select partition, array_agg(event_id) from written_before where partition = any(%s) group by 1",
        (sorted(partitions),),
    )
    return {partition: frozenset(ids) for partition, ids in await cursor.fetchall()}
