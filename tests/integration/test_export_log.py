"""`leadstream export` against a real Kafka: the span asked for, repeats, erasures and strangers' records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from cli.export import job_of
from infra.settings import Settings
from log.errors import LogUnavailable
from log.export.job import run_export
from schemas.base import Event
from schemas.topics import CAPTURED, ERASED
from tests.unit.log.exported_events import erased
from tests.unit.metrics import ledger_events as e

PARTITIONS = 3


class Log:
    """Topics of this test, and a writer that says when a record was written."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self.settings = settings
        self._producer = producer

    async def write(self, topic: str, value: bytes, seconds: float, key: str = e.LEAD) -> None:
        milliseconds = int(e.at(seconds).timestamp() * 1000)
        await self._producer.send_and_wait(
            self.settings.topic(topic), value, key=key.encode(), timestamp_ms=milliseconds
        )

    async def event(self, event: Event, seconds: float, topic: str = CAPTURED.name) -> None:
        await self.write(topic, event.to_json(), seconds, event.subject)

    async def exported(self, path: Path, *, start: float | None = None, end: float | None = None) -> dict[str, Any]:
        """Counts, and the last report of progress."""
        job = job_of(
            CAPTURED.name, path, None,
            None if start is None else e.at(start), None if end is None else e.at(end), force=True,
        )  # fmt: skip
        reports: list[tuple[int, int]] = []
        counts = await run_export(self.settings, job, lambda done, total: reports.append((done, total)))
        return {**counts, "progress": reports[-1] if reports else None}


@pytest.fixture
async def log(settings: Settings) -> AsyncIterator[Log]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(settings.topic(name), PARTITIONS, 1) for name in (CAPTURED.name, ERASED.name)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka) as producer:
        yield Log(settings, producer)


def ids(path: Path) -> list[str]:
    return sorted(orjson.loads(line)["id"] for line in path.read_bytes().splitlines())


async def test_all_partitions_are_read_to_the_end(log: Log, tmp_path: Path) -> None:
    events = [e.captured(number, f"s{number}", lead=f"lead-{number}") for number in range(40)]
    for event in events:
        await log.event(event, 10)
    counts = await log.exported(tmp_path / "out.parquet")
    assert (counts["exported"], counts["progress"]) == (40, (40, 40))
    table = pq.read_table(tmp_path / "out.parquet")
    assert sorted(table.column("id").to_pylist()) == sorted(event.id for event in events)
    assert set(table.column("partition").to_pylist()) == set(range(PARTITIONS))


async def test_a_span_is_cut_by_when_records_were_written(log: Log, tmp_path: Path) -> None:
    events = [e.captured(number, f"s{number}") for number in range(6)]
    for number, event in enumerate(events):
        await log.event(event, 100 * number)
    path = tmp_path / "out.jsonl"
    assert (await log.exported(path, start=200, end=400))["exported"] == 2
    assert ids(path) == sorted(event.id for event in events[2:4])
    assert (await log.exported(path, start=400))["exported"] == 2
    assert (await log.exported(path, end=100))["exported"] == 1
    assert (await log.exported(path, start=9_000))["exported"] == 0
    assert path.read_bytes() == b""


async def test_repeats_erased_leads_and_junk_are_left_out_and_counted(log: Log, tmp_path: Path) -> None:
    gone, back, other = e.captured(1), e.captured(300, "s2"), e.captured(2, "s3", lead="other")
    for event in (gone, other, other):
        await log.event(event, event.data.origin.captured_at.timestamp() - e.START.timestamp())
    await log.write(CAPTURED.name, b"not an event", 5)
    await log.event(erased(100), 100, ERASED.name)
    await log.write(ERASED.name, b"junk erases nobody", 101)
    await log.event(back, 300)
    counts = await log.exported(tmp_path / "out.jsonl")
    assert {name: counts[name] for name in ("exported", "repeated", "erased", "unreadable")} == {
        "exported": 2,
        "repeated": 1,
        "erased": 1,
        "unreadable": 1,
    }
    assert ids(tmp_path / "out.jsonl") == sorted([back.id, other.id])


async def test_an_empty_topic_gives_an_empty_file_with_its_columns(log: Log, tmp_path: Path) -> None:
    assert (await log.exported(tmp_path / "out.csv"))["exported"] == 0
    assert (tmp_path / "out.csv").read_text().startswith("topic,partition,offset,")


async def test_a_kafka_without_our_topics_is_named(settings: Settings, tmp_path: Path) -> None:
    def unexpected(done: int, total: int) -> None:
        raise AssertionError(f"{done} of {total} read from nowhere")

    job = job_of(CAPTURED.name, tmp_path / "out.csv")
    with pytest.raises(LogUnavailable, match="no topic"):
        await run_export(settings, job, unexpected)
    assert not job.out.exists()
