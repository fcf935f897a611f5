"""Publishes the outbox: per (topic, partition) strictly in order, one batch acknowledged before the next is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from runtime.fence import OutboxRow
from runtime.sequence import headers_of

log = structlog.get_logger()

FaultPoint = Callable[[str], None]
Lane = tuple[int, str]
"""(partition, topic)."""


def no_faults(point: str) -> None:
    """A fault point that does nothing. Fault tests put one here that kills the process at a named point."""


class Publisher:
    """Keeps one lane per (partition, topic); a lane is drained by one task at a time."""

    def __init__(
        self,
        build: Callable[[], Awaitable[AIOKafkaProducer]],
        topic_name: Callable[[str], str],
        probe: FaultPoint = no_faults,
    ) -> None:
        self.names: dict[int, bytes] = {}
        """Partition → the producer under whose name its events are numbered."""
        self._topic_name = topic_name
        self._build = build
        self._probe = probe
        self._producer: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()
        self._lanes: dict[Lane, deque[OutboxRow]] = {}
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._failure: BaseException | None = None
        self.published: dict[Lane, int] = {}
        """Lane → highest sequence acknowledged and not yet removed from the outbox."""

    @property
    def pending(self) -> int:
        """Events committed and not acknowledged."""
        return sum(map(len, self._lanes.values()))

    def add(self, rows: Iterable[OutboxRow]) -> None:
        """Queues committed rows; they must come in order of their sequences."""
        if self._failure is not None:
            raise self._failure
        for row in rows:
            self._lanes.setdefault((row.partition, row.topic), deque()).append(row)
        for lane, queue in self._lanes.items():
            if queue:
                self._start(lane)

    def _start(self, lane: Lane) -> None:
        # A task that has just run dry is still listed until its callback runs.
        if (task := self._tasks.get(lane)) is None or task.done():
            task = asyncio.create_task(self._drain(lane), name=f"publish {lane[1]}/{lane[0]}")
            self._tasks[lane] = task
            task.add_done_callback(partial(self._finished, lane))

    async def forget(self, partitions: Iterable[int] | None = None) -> None:
        """Stops publishing for partitions (None: all); whoever owns them next reads the outbox again."""
        gone = set(partitions) if partitions is not None else {lane[0] for lane in self._lanes}
        tasks = [task for lane, task in self._tasks.items() if lane[0] in gone]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lane in [lane for lane in self._lanes if lane[0] in gone]:
            del self._lanes[lane]
            self.published.pop(lane, None)

    async def drained(self, below: int = 1) -> None:
        """Waits until fewer than `below` events are pending."""
        while self.pending >= below:
            if self._failure is not None:
                raise self._failure
            await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED, timeout=0.05)

    def take_published(self, partitions: Iterable[int]) -> dict[Lane, int]:
        """Hands over what may be removed from the outbox of `partitions`."""
        wanted = set(partitions)
        return {lane: self.published.pop(lane) for lane in list(self.published) if lane[0] in wanted}

    def put_back(self, published: Mapping[Lane, int]) -> None:
        """The batch that should have removed these from the outbox did not commit."""
        for lane, sequence in published.items():
            self.published[lane] = max(self.published.get(lane, 0), sequence)

    async def close(self) -> None:
        """Stops; what is pending stays in the outbox."""
        await self.forget()
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    def _finished(self, lane: Lane, task: asyncio.Task[None]) -> None:
        if self._tasks.get(lane) is task:
            del self._tasks[lane]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error

    async def _drain(self, lane: Lane) -> None:
        queue = self._lanes[lane]
        delay = 0.05
        while queue:
            producer: AIOKafkaProducer | None = None
            try:
                producer = await self._connected()
                count = await self._send_some(producer, lane, queue)
            except (KafkaError, OSError) as error:
                # The producer's own order can't be trusted after an error: build another, send again from the first
                # event without an acknowledgement. Readers drop what arrives twice.
                log.warning("publishing failed, trying again", topic=lane[1], partition=lane[0], error=repr(error))
                if producer is not None:
                    await self._discard(producer)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)
                continue
            delay = 0.05
            self.published[lane] = queue[count - 1].seq
            for _ in range(count):
                queue.popleft()

    async def _send_some(self, producer: AIOKafkaProducer, lane: Lane, queue: deque[OutboxRow]) -> int:
        batch = producer.create_batch()
        count = 0
        for row in queue:
            added = batch.append(
                timestamp=None, key=row.key, value=row.value, headers=headers_of(self.names[lane[0]], row.seq)
            )
            if added is None:
                break
            count += 1
        if count == 0:
            raise ValueError(f"an event of {len(queue[0].value)} bytes is larger than a batch may be")
        batch.close()
        self._probe("before_send")
        acknowledged = await producer.send_batch(batch, self._topic_name(lane[1]), partition=lane[0])
        self._probe("after_send")
        await acknowledged
        self._probe("after_ack")
        return count

    async def _connected(self) -> AIOKafkaProducer:
        async with self._building:
            if self._producer is None:
                self._producer = await self._build()
            return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        async with self._building:
            if self._producer is producer:
                self._producer = None
        try:
            await asyncio.wait_for(producer.stop(), timeout=2.0)
        except (TimeoutError, KafkaError) as error:
            log.info("the failed producer did not stop in time", error=repr(error))
