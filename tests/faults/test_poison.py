"""No record that a stranger can write stops a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.partitioner import partition_of
from infra.settings import Settings
from schemas.events import EventDead
from schemas.topics import DEAD
from tests.support.bare import PINGS, Alpha
from tests.support.harness import Harness, eventually, harness, ping

pytestmark = pytest.mark.stack

LARGEST = 4 * 1024 * 1024 - 1_000


@pytest.fixture
async def ours(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha") as opened:
        yield opened


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        pytest.param(b"junk", [("x", None)], id="a header without a value"),
        pytest.param(b"junk", [("ls-producer", None), ("ls-seq", b"1")], id="a stamp without a producer"),
        pytest.param(b"junk", [("ls-producer", b"\xff"), ("ls-seq", b"1")], id="a producer that is not text"),
        pytest.param(b"junk", [("ls-producer", b"x"), ("ls-seq", "\u0661".encode())], id="a sequence in other digits"),
        pytest.param(b"x" * LARGEST, [], id="the largest record that the broker takes"),
        pytest.param(None, [], id="a tombstone"),
    ],
)
async def test_a_strangers_record_is_set_aside_and_the_stream_goes_on(
    ours: Harness, value: bytes | None, headers: list[tuple[str, Any]]
) -> None:
    worker = await ours.start(Alpha())
    partition = partition_of(b"lead0", ours.settings.partitions)
    await ours.put_bytes(PINGS, b"lead0", value, partition, headers)  # type: ignore[arg-type]  # Kafka allows no value
    await ours.put(PINGS, ping("lead0", 0))

    async def set_aside() -> bool:
        if ours.workers[worker].done():
            ours.workers[worker].result()
        states = await ours.states(Alpha())
        return "lead0" in states and len(await ours.events(DEAD)) == 1

    await eventually(set_aside, seconds=20)
    (letter,) = [event.data for event in await ours.events(DEAD) if isinstance(event, EventDead)]
    assert (letter.partition, letter.offset) == (partition, 0)
    assert (value or b"").startswith(letter.value or b"")
