"""Posts leads to the whole pipeline and finds out when each of them was assigned."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.running import Pipeline
from schemas.events import LeadAssigned, LeadParked
from schemas.topics import ASSIGNED

SETTLE_SECONDS = 60.0
"""How long nothing may happen before the last leads are given up."""


@dataclass(frozen=True)
class Passage:
    """One lead's way."""

    captured: datetime
    assigned: datetime
    """When the record arrived at a reader of `leads.assigned`."""

    @property
    def seconds(self) -> float:
        """From captured to assigned."""
        return (self.assigned - self.captured).total_seconds()


class Ears:
    """Reads `leads.assigned` from now on."""

    def __init__(self, pipeline: Pipeline) -> None:
        name = pipeline.settings.topic(ASSIGNED.name)
        self._partitions = [TopicPartition(name, number) for number in range(pipeline.settings.partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=pipeline.settings.kafka, max_partition_fetch_bytes=8 * 1024 * 1024
        )
        self._arrivals: list[tuple[Any, datetime]] = []

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_end(*self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def hear(self, leads: int, *, live: bool) -> dict[str, Passage]:
        """Waits until `leads` leads are assigned or parked, each counted once.

        `live`: note when each record arrives here. Otherwise the broker's time is taken, nothing is read until all
        of it is there, and the reading takes nothing from the pipeline.
        """
        passages: dict[str, Passage] = {}
        before, since = 0, monotonic()
        while len(passages) < leads:
            if (there := await self._waiting() + len(passages)) != before:
                before, since = there, monotonic()
            if monotonic() > since + SETTLE_SECONDS:
                raise TimeoutError(f"{there} of {leads} leads were assigned, and for {SETTLE_SECONDS:.0f} s no more")
            if not live and there < leads:
                await asyncio.sleep(0.05)
                continue
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                arrived = datetime.now(UTC)
                for record in records:
                    at = arrived if live else datetime.fromtimestamp(record.timestamp / 1000, UTC)
                    event = ASSIGNED.decode(record.value)
                    if isinstance(event, LeadAssigned | LeadParked):
                        passages.setdefault(event.subject, Passage(event.data.origin.captured_at, at))
        return passages

    async def _waiting(self) -> int:
        ends = await self._consumer.end_offsets(self._partitions)
        return sum([ends[tp] - await self._consumer.position(tp) for tp in self._partitions])


async def post(pipeline: Pipeline, leads: int, *options: str) -> dict[str, Any]:
    """Runs the load generator in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", "--url", pipeline.url, "--leads", str(leads)),
        *("--run", str(next(pipeline.runs)), *options),
        env={**os.environ, "LEADSTREAM_CAPTURE_TOKEN": pipeline.token},
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    said: dict[str, Any] = json.loads(out)
    if set(said["statuses"]) != {"202"}:
        raise RuntimeError(f"not every request was accepted: {said['statuses']}")
    return said
