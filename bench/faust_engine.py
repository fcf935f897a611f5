"""`python -m bench.faust_engine`: the measured stage on Faust, with a table and its changelog, in batches.

`noack_take` and an acknowledgement of our own after the sends, because a Faust agent that raises acknowledges what it
had. The table is in memory, which is Faust's quickest.
"""

from __future__ import annotations

import asyncio
from typing import Any

import faust
import orjson

from bench.lean import count
from bench.workload import COUNTED, VISITED
from infra.settings import Settings

TAKEN, WITHIN = 1_000, 0.1


def build() -> faust.App:
    """The application."""
    settings = Settings()
    app = faust.App(
        f"{settings.topic_prefix}faust",
        broker=f"kafka://{settings.kafka}",
        store="memory://",
        web_enabled=False,
        topic_partitions=settings.partitions,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        value_serializer="raw",
        key_serializer="raw",
        producer_acks=-1,
    )
    # The agent works on many partitions' events at once, so a key's partition must not be guessed from the last event.
    table = app.Table("visits", partitions=settings.partitions, use_partitioner=True, key_type=str, value_type=dict)
    visited = app.topic(settings.topic(VISITED.name), internal=False, value_type=bytes, key_type=bytes)
    counted = app.topic(settings.topic(COUNTED.name), internal=False, value_type=bytes, key_type=bytes)

    @app.agent(visited)
    async def agent(stream: Any) -> None:
        async for events in stream.noack_take(TAKEN, within=WITHIN):
            sent = []
            for event in events:
                lead = event.key.decode()
                after, out = count(orjson.loads(event.value), table.get(lead))
                table[lead] = after
                sent.append(await counted.send(key=event.key, value=orjson.dumps(out)))
            await asyncio.gather(*sent)
            for event in events:
                event.ack()

    return app


if __name__ == "__main__":
    faust.Worker(build(), loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
