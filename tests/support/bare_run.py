"""Two bare stages as processes on servers that may break, fed with pings at a pace."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from infra import setup
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.postgres import prepare_schema
from infra.settings import Settings
from local.embedded.stack import EmbeddedStack
from runtime.fence import OutboxRow
from runtime.publish import Publisher
from schemas.topics import COMMANDS, DEAD, ERASED, POLICIES, Topic
from tests.support.bare import BARE_TOPICS, DONE, PINGS, PONGS, Ping
from tests.support.bare_oracle import broken_sequences, found, oracle, unfinished
from tests.support.fleet import Fleet, Plan, Slot, TakenOver, fleet
from tests.support.harness import POLICY, Harness, ping

PARTITIONS = 12
TRICKLE, BURST = 3, 300
"""Pings per tenth of a second."""
READERS = {"alpha": PINGS, "beta": PONGS}


class BareRun:
    """One run: its names, its processes, and what went in."""

    def __init__(self, settings: Settings, processes: Fleet, env: dict[str, str]) -> None:
        self.settings = settings
        self.fleet = processes
        self.harness = Harness(settings)
        self.accepted: list[Ping] = []
        self._env = env
        self._sequences: dict[int, int] = {}
        self._publisher = Publisher(lambda: build_producer(settings), settings.topic)
        self._publisher.names = dict.fromkeys(range(settings.partitions), b"test@1")

    def start(self, stage: str, plans: Iterable[Plan] = (), variant: str = "") -> Slot:
        """Starts a worker of a stage; `variant` names a way to break the contract."""
        module = ["-m", "tests.support.broken_host", variant] if variant else ["-m", "tests.support.bare_host"]
        return self.fleet.add(stage, [*module, stage], self._env, plans)

    def send(self, leads: Iterable[tuple[str, int]], at: datetime | None = None) -> None:
        """Puts the n-th ping of each lead in; numbered, so that what is sent twice is read once."""
        rows = []
        for lead, n in leads:
            event = ping(lead, n)
            if at is not None:
                event = event.replace(time=at)
            partition = partition_of(lead.encode(), PARTITIONS)
            sequence = self._sequences[partition] = self._sequences.get(partition, 0) + 1
            rows.append(OutboxRow(partition, PINGS.name, sequence, lead.encode(), event.to_json()))
            self.accepted.append(event)
        self._publisher.add(rows)

    async def sent(self) -> None:
        """Waits until the broker has them all."""
        await self._publisher.drained()

    async def flow(self, pings: list[tuple[str, int]], progress: Callable[[], float]) -> None:
        """Sends them all, in step with the progress (0 to 1) of the chaos, and never quite pausing meanwhile."""
        count = 0
        while count < len(pings):
            some = min(max(int(len(pings) * progress()) - count, TRICKLE), BURST)
            self.send(pings[count : count + some])
            count += some
            await asyncio.sleep(0.1)
        await self.sent()

    async def settle(self, seconds: float) -> None:
        """Waits until both stages have done all there is to do."""
        deadline = time.monotonic() + seconds
        while problem := await asyncio.to_thread(
            unfinished, self.settings, await self.harness.ends(READERS.values()), READERS
        ):
            if time.monotonic() > deadline:
                crashes = "\n".join(self.fleet.crashes[-3:])
                tails = "\n".join(f"{slot.log.stem}:\n{slot.tail(6)}" for slot in self.fleet.slots)
                raise AssertionError(f"not within {seconds} s: {problem}\n{tails}\nlast crashes: {crashes}")
            await asyncio.sleep(0.25)

    async def verdict(self) -> list[str]:
        """What is not as it should be; nothing when the contract was kept."""
        wrong = (await found(self.harness)).differences(oracle(self.accepted))
        wrong += await broken_sequences(self.harness, (PINGS, PONGS, DONE))
        wrong += [f"dead letter: {event.data.reason} {event.data.detail}" for event in await self.harness.events(DEAD)]
        return wrong

    async def close(self) -> None:
        await self._publisher.close()


def taken_over(settings: Settings) -> TakenOver:
    """Tells when every partition of a service has a new owner who has committed something since."""

    async def fences(service: str) -> dict[int, tuple[int, int]]:
        query = f"select partition, epoch, commits from {settings.schema_of(service)}.fence"
        try:
            async with await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True) as connection:
                rows = await (await connection.execute(query)).fetchall()
        except psycopg.OperationalError:  # the database is being restarted
            return {}
        return {partition: (epoch, commits) for partition, epoch, commits in rows}

    async def ask(service: str) -> Callable[[], Awaitable[bool]]:
        before = await fences(service)

        async def answer() -> bool:
            nonlocal before
            now = await fences(service)
            before = before or now
            new = [number for number, (epoch, _) in now.items() if epoch > before.get(number, (0, 0))[0]]
            moved = [number for number in new if now[number][1] > before.get(number, (0, 0))[1]]
            return len(new) == len(now) > 0 and len(moved) > 0

        return answer

    return ask


@asynccontextmanager
async def bare_run(stack: EmbeddedStack, folder: Path, name: str) -> AsyncIterator[BareRun]:
    """Topics and schemas of the run's own, and an empty fleet."""
    env = {
        **stack.env,
        "LEADSTREAM_TOPIC_PREFIX": f"{name}.",
        "LEADSTREAM_SCHEMA_PREFIX": f"{name}_",
        "LEADSTREAM_PARTITIONS": str(PARTITIONS),
    }
    settings = Settings.model_validate(
        {
            "kafka": stack.kafka.address,
            "postgres": stack.postgres.dsn(),
            "topic_prefix": f"{name}.",
            "schema_prefix": f"{name}_",
            "partitions": PARTITIONS,
        }
    )
    topics: tuple[Topic, ...] = (*BARE_TOPICS, DEAD, ERASED, COMMANDS, POLICIES)
    await setup.create_topics(settings, topics)
    for stage in READERS:
        await asyncio.to_thread(prepare_schema, settings, stage)
    await setup.publish_policy(settings, POLICY, datetime(2000, 1, 1, tzinfo=UTC), "test")
    async with fleet(folder, taken_over(settings)) as processes:
        run = BareRun(settings, processes, env)
        try:
            yield run
        finally:
            await run.close()


def shuffled_pings(count: int, leads: int) -> list[tuple[str, int]]:
    """`count` pings of `leads` leads, some with more than others, interleaved and each lead's in order."""
    chance = random.Random(7)
    names = [f"lead{number}" for number in range(leads)]
    weights = [1 + number % 3 for number in range(leads)]
    numbers = dict.fromkeys(names, 0)
    pings = []
    for lead in chance.choices(names, weights, k=count):
        pings.append((lead, numbers[lead]))
        numbers[lead] += 1
    return pings
