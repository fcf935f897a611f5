"""`python -m bench.quix_engine [exactly-once]`: the measured stage on quixstreams, with RocksDB state and changelog."""

from __future__ import annotations

import sys
import tempfile
from typing import Any, Literal, cast

from quixstreams import Application
from quixstreams.state import State

from bench.lean import count
from bench.workload import COUNTED, VISITED
from infra.settings import Settings

Guarantee = Literal["at-least-once", "exactly-once"]


def decide(visited: dict[str, Any], state: State[str, Any]) -> dict[str, Any]:
    """One event."""
    after, out = count(visited, state.get("visits"))
    state.set("visits", after)
    return out


def main(guarantee: Guarantee) -> None:
    """Works until it is killed."""
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=settings.kafka,
            consumer_group=f"{settings.topic_prefix}quix",
            auto_offset_reset="earliest",
            state_dir=folder,
            processing_guarantee=guarantee,
            auto_create_topics=True,  # for the changelog; the others are there
            loglevel="WARNING",
        )
        visited = app.topic(settings.topic(VISITED.name), value_deserializer="json", key_deserializer="str")
        counted = app.topic(settings.topic(COUNTED.name), value_serializer="json", key_serializer="str")
        app.dataframe(visited).apply(decide, stateful=True).to_topic(counted)
        app.run()


if __name__ == "__main__":
    main(cast("Guarantee", sys.argv[1] if len(sys.argv) > 1 else "at-least-once"))
