"""Events as tests need them, and the orders in which a worker may read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from hypothesis import strategies as st

from schemas.base import Event, Record, new_traceparent

E = TypeVar("E", bound=Event)


def make_event(kind: type[E], identity: str, at: datetime, data: Record, **envelope: Any) -> E:
    """An event about `lead-1`, of its class's first type; `envelope` replaces what the CloudEvent says else."""
    fields: dict[str, Any] = {
        "source": "leadstream/test",
        "type": kind.TYPES[0],
        "subject": "lead-1",
        "traceparent": new_traceparent(identity),
    }
    return kind(id=identity, time=at, data=data, **{**fields, **envelope})


@st.composite
def interleavings(draw: st.DrawFn, topics: Sequence[Sequence[Event]]) -> list[Event]:
    """All events in one order in which a worker may read them: each topic's own is kept."""
    turns = draw(st.permutations([number for number, topic in enumerate(topics) for _ in topic]))
    waiting = [iter(topic) for topic in topics]
    return [next(waiting[number]) for number in turns]
