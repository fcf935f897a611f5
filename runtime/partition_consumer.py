"""Which partitions this worker owns: the group's assignment, the fence rows, and where to read on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from infra.errors import LogMismatch
from infra.kafka import Membership, build_consumer
from infra.postgres import Connection, connect
from infra.settings import Settings
from runtime import telemetry
from runtime.decode import DecodedBatch, Read, Source
from runtime.fence import FenceRow, OutboxRow, read_outbox, take
from runtime.intake_listener import IntakeListener
from runtime.publish import Lane
from runtime.restore import catch_up, producer_name, read_tails, read_written_before
from runtime.stage import Stage
from schemas.topics import COMMANDS, DEAD, ERASED, Topic

log = structlog.get_logger()

MOST_ROUND_TRIP_MS = 4
"""How long a worker with something to do waits for records that the broker may have kept."""

COMMIT_EVERY, COMMIT_PATIENCE = 5.0, 2.0
"""Seconds between telling Kafka our positions, and for its answer. Only its lag tools read them; the fence decides."""

KAFKA_AWAY = "waiting for a server: Kafka does not answer"


class PartitionConsumer:
    """The consumer, the database connection, and the fence rows of what this worker owns."""

    def __init__(self, stage: Stage[Any], settings: Settings, wake: Callable[[], None]) -> None:
        self._stage = stage
        self._settings = settings
        inputs = dict.fromkeys((*stage.inputs, ERASED)) if stage.inputs else {}
        # A stage without inputs still shares its partitions among its workers, through a topic that it never reads.
        self._topics: dict[str, Topic] = {settings.topic(topic.name): topic for topic in inputs or (COMMANDS,)}
        self._reads = bool(inputs)
        self.pace = stage.pace * settings.pace
        self._consumer: AIOKafkaConsumer | None = None
        self._membership: Membership
        self._generation = 0
        self._connection: Connection | None = None
        self._fetch: asyncio.Task[Any] | None = None
        self.intake = IntakeListener(stage.name, settings, wake)
        self._retake_at: float | None = None
        self._committed_at = 0.0
        self._kafka_away = ""
        self._gaps: dict[TopicPartition, str] = {}
        self.fences: dict[int, FenceRow] = {}
        self.written_before: dict[int, frozenset[str]] = {}
        self._schema_incarnation = ""
        self.truncated: frozenset[str] = frozenset()
        self.gaps_accepted: frozenset[tuple[str, int]] = frozenset()
        self._passed: set[tuple[str, int]] = set()
        self.paused = False

    # -- opening and closing ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connects to both servers and joins the group."""
        self._connection = await connect(self._settings, self._stage.name)
        self._schema_incarnation = await self._incarnation()
        self._consumer = build_consumer(self._settings, self._stage.name, self.pace)
        self._membership = Membership(self._consumer)
        # Subscribed before it starts, the consumer first learns of every topic: a member that joins without that gets
        # only some topics' partitions.
        self._consumer.subscribe(list(self._topics), listener=self._membership)
        await self._consumer.start()
        if self._stage.takes_intake:
            self.intake.open()

    async def close(self) -> None:
        """Leaves the group and closes the connections."""
        await self.intake.close()
        await self._drop_fetch()
        if self._consumer is not None:
            await self._consumer.stop()
        if self._connection is not None:
            await self._connection.close()

    async def _incarnation(self) -> str:
        """Tells the sequences of this life of the schema from those before a reset."""
        row = await (await self.connection.execute("select value from meta where key = 'incarnation'")).fetchone()
        assert row is not None, "the runtime's migration writes it"
        return str(row[0])

    @property
    def connection(self) -> Connection:
        """The main loop's connection."""
        assert self._connection is not None
        return self._connection

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The group member."""
        assert self._consumer is not None
        return self._consumer

    # -- taking over -----------------------------------------------------------------------------------------------

    @property
    def joined(self) -> bool:
        """Whether the group has given this worker its share, which may be nothing, of every topic."""
        assigned = self._membership.assigned
        return self._membership.joined and len(assigned) == len({tp.partition for tp in assigned}) * len(self._topics)

    @property
    def stale(self) -> bool:
        """True when the fence rows must be taken anew before anything is processed."""
        if self._retake_at is not None and monotonic() >= self._retake_at:
            return True
        return self._generation != self._membership.generation

    def lost_connection(self) -> None:
        """What the last commit did is unknown: read the rows again."""
        self._generation = -1

    def lost(self, partitions: Collection[int]) -> None:
        """Another worker was quicker. If the group still gives us these partitions in a moment, take them back."""
        for partition in partitions:
            self.fences.pop(partition, None)
        self.consumer.pause(*(tp for tp in self._membership.assigned if tp.partition in partitions))
        self._retake_at = monotonic() + 0.5

    async def take(self) -> list[OutboxRow]:
        """Raises the epoch of what the group assigned and seeks to where the fence says.

        Returns what was committed and may not have been published.

        Raises:
            LogMismatch: a position lies beyond the end of its topic.

        """
        await self._drop_fetch()
        generation, assigned = self._membership.generation, self._membership.assigned
        self._retake_at = None
        if self.connection.broken or self.connection.closed:
            await self.connection.close()
            self._connection = await connect(self._settings, self._stage.name)
        owned = {tp.partition for tp in assigned}
        self.fences = await take(self.connection, owned) if owned else {}
        rows = await self._compare_with_log(await read_outbox(self.connection, owned)) if owned else []
        await self._seek(assigned)
        self._gaps.clear()
        self.intake.announce()
        if self._membership.generation == generation:
            if self._reads:
                self.consumer.resume(*assigned)
            self._generation = generation
        return rows

    async def _compare_with_log(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        """After a restore, Postgres may know less than the log does of what this service wrote."""
        topics = dict.fromkeys((*(topic.name for topic in self._stage.outputs), DEAD.name))
        lanes = {
            (row.partition, topic): (self.producers[row.partition], row.heads.get(topic, 0))
            for row in self.fences.values()
            for topic in topics
        }
        checked = {(row.partition, topic): end for row in self.fences.values() for topic, end in row.checked.items()}
        tails = await read_tails(self._settings, lanes, checked)
        self.fences, rows = await catch_up(self.connection, self.fences, rows, tails)
        self.written_before = await read_written_before(self.connection, self.fences)
        return rows

    @property
    def producers(self) -> dict[int, str]:
        """Partition → the name under which its events are numbered."""
        return {
            number: producer_name(self._stage.name, row, self._schema_incarnation)
            for number, row in self.fences.items()
        }

    async def _seek(self, assigned: Collection[TopicPartition]) -> None:
        if not assigned:
            return
        first = await self.consumer.beginning_offsets(list(assigned))
        last = await self.consumer.end_offsets(list(assigned))
        self.truncated = frozenset(self._topics[tp.topic].name for tp in assigned if first[tp] > 0)
        current = self.consumer.assignment()
        for tp in assigned:
            position = self.fences[tp.partition].offsets.get(self._topics[tp.topic].name, first[tp])
            if position > last[tp]:
                raise LogMismatch(
                    f"{self._stage.name} has read {tp.topic}/{tp.partition} up to {position}; it ends at {last[tp]}. "
                    "Was the topic recreated? Does this database belong to another cluster? See `leadstream doctor`"
                )
            if tp in current:
                self.consumer.seek(tp, position)

    def committed(self, fences: Mapping[int, FenceRow]) -> None:
        """The rows that the next batch starts from."""
        self.fences.update(fences)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def read(self, seconds: float, wake: asyncio.Event, not_before: float = 0.0) -> list[Read]:
        """Records of owned partitions; returns early when woken, and empty-handed after `seconds`.

        What comes before the moment `not_before` waits for it, and for what comes meanwhile.
        """
        if self._fetch is None and not self.paused:
            self._fetch = asyncio.create_task(
                self.consumer.getmany(timeout_ms=250, max_records=self._settings.batch_records)
            )
        if (self._fetch is None or not self._fetch.done()) and not wake.is_set():
            waker = asyncio.create_task(wake.wait())
            tasks = {waker} if self._fetch is None else {waker, self._fetch}
            try:
                await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waker.cancel()
        early = not_before - monotonic()
        if early > 0 and (wake.is_set() or (self._fetch is not None and self._fetch.done())):
            await asyncio.sleep(early)
        wake.clear()
        if self.stale or self.paused or self._fetch is None or not self._fetch.done():
            return []
        fetched, self._fetch = self._fetch.result(), None
        reads = self._owned(fetched)
        if early > 0 and len(reads) < self._settings.batch_records:
            # The broker keeps what came meanwhile until the first records are taken, and then sends it at once.
            rest = self._settings.batch_records - len(reads)
            reads += self._owned(await self.consumer.getmany(timeout_ms=MOST_ROUND_TRIP_MS, max_records=rest))
        return reads

    def _owned(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> list[Read]:
        return [
            Read(self._topics[tp.topic], record)
            for tp, records in fetched.items()
            if tp.partition in self.fences
            for record in records
        ]

    async def _drop_fetch(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)
            self._fetch = None

    # -- gaps, pauses, lag -----------------------------------------------------------------------------------------

    def note_gaps(self, decoded: DecodedBatch) -> None:
        """Stands still at a gap: nothing behind it is read until an operator accepts it, each gap anew."""
        self._passed.update(decoded.passed)
        self.gaps_accepted -= self._passed
        for name, gap in decoded.gaps.items():
            tp = TopicPartition(self._settings.topic(name), decoded.fence.partition)
            if tp not in self._gaps:
                log.error("sequence gap", topic=name, partition=tp.partition, error=str(gap))
            self._gaps[tp] = str(gap)
            self.consumer.pause(tp)
            telemetry.GAP.labels(self._stage.name, name).set(1)

    def stands_still(self, source: Source) -> bool:
        """Whether a record was fetched before the gap that lies in front of it was found."""
        if not self._gaps or not isinstance(source, Read):
            return False
        return TopicPartition(self._settings.topic(source.topic.name), source.record.partition) in self._gaps

    def problem(self) -> str:
        """Why the worker is not ready, or nothing."""
        if self._gaps:
            return next(iter(self._gaps.values()))
        return "paused by an operator" if self.paused else self._kafka_away

    async def keep_house(self, published: Mapping[Lane, int]) -> None:
        """Once a second: reads operator's orders, forgets what Kafka has, reports positions."""
        if published:
            await self.connection.execute(
                "delete from outbox o using unnest(%s::int[], %s::text[], %s::bigint[]) as n (partition, topic, seq) "
                "where o.partition = n.partition and o.topic = n.topic and o.last_seq <= n.seq",
                ([p for p, _ in published], [t for _, t in published], list(published.values())),
            )
        await self._obey()
        lags = {}
        for tp in self.consumer.assignment():
            row, high = self.fences.get(tp.partition), self.consumer.highwater(tp)
            if row is not None and high is not None:
                name = self._topics[tp.topic].name
                lags[name, tp.partition] = max(high - row.offsets.get(name, 0), 0)
        telemetry.observe_lag(self._stage.name, lags)
        if self._kafka_away or monotonic() - self._committed_at > COMMIT_EVERY:
            await self.report_positions()
            self._committed_at = monotonic()

    async def _obey(self) -> None:
        if self._passed:
            used = [f"accept_gap:{topic}:{partition}" for topic, partition in self._passed]
            await self.connection.execute("delete from control where key = any(%s)", (used,))
            self._passed.clear()
        orders = dict(await (await self.connection.execute("select key, value from control")).fetchall())
        paused = orders.get("paused") == "true"
        if paused != self.paused:
            log.warning("paused by an operator" if paused else "resumed by an operator")
            self._generation = -1  # what was fetched and not processed is read again
        self.paused = paused
        telemetry.PAUSED.labels(self._stage.name).set(paused)
        accepted = frozenset(_gap_key(key) for key in orders if key.startswith("accept_gap:"))
        if accepted - self.gaps_accepted and self._gaps:
            self._generation = -1  # take over again: seeks back to the record at the gap
            for topic in self._topics.values():
                telemetry.GAP.labels(self._stage.name, topic.name).set(0)
        self.gaps_accepted = accepted

    async def report_positions(self) -> None:
        """Tells Kafka how far we are. Nothing else asks it something while there is nothing to read."""
        positions = {
            TopicPartition(self._settings.topic(name), row.partition): offset
            for row in self.fences.values()
            for name, offset in row.offsets.items()
        }
        known = self.consumer.assignment()
        positions = {tp: offset for tp, offset in positions.items() if tp in known}
        if not positions:
            return
        try:
            await asyncio.wait_for(self.consumer.commit(positions), COMMIT_PATIENCE)
        except TimeoutError:
            self._kafka_away = KAFKA_AWAY
        except KafkaError as error:  # one that is not to be tried again is about our membership: Kafka has answered
            self._kafka_away = KAFKA_AWAY if error.retriable else ""
            log.info("Kafka did not take our positions; only its lag tools miss them", error=repr(error))
        else:
            self._kafka_away = ""


def _gap_key(key: str) -> tuple[str, int]:
    _, topic, partition = key.split(":")
    return topic, int(partition)
