"""The stage that is measured: counts each lead's visits and passes every one on with the count.

It does what any stage does (decode, state read and written, one event out) and next to nothing of its own, so that
what is measured is the engine. `faust_engine.py` and `quix_engine.py` are the same stage on other engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar, Literal

from runtime.sequence import headers_of
from runtime.stage import Context, Decision, Input, Stage
from schemas.base import Cause, Event, Record, derived_id, new_traceparent
from schemas.topics import Topic

LEADS_PER_EVENT = 0.25
"""So that a batch holds several events of some leads, as engagement does."""


class Visit(Record, frozen=True, kw_only=True):
    """A page seen."""

    page: str
    seconds: int


class VisitTotals(Record, frozen=True, kw_only=True):
    """A lead's visits up to now: the data of the event that comes out, and the state that is kept."""

    count: int = 0
    seconds: int = 0
    last_page: str = ""


class Visited(Event, frozen=True, kw_only=True):
    """Goes in."""

    TYPES: ClassVar[tuple[str, ...]] = ("bench.visited.v1",)
    type: Literal["bench.visited.v1"] = "bench.visited.v1"
    data: Visit


class Counted(Event, frozen=True, kw_only=True):
    """Comes out."""

    TYPES: ClassVar[tuple[str, ...]] = ("bench.counted.v1",)
    type: Literal["bench.counted.v1"] = "bench.counted.v1"
    data: VisitTotals


VISITED = Topic("bench.visited", (Visited,), (), ("bench",), "Input of the measured stage.")
COUNTED = Topic("bench.counted", (Counted,), ("bench",), (), "Its output.")


class WorkloadStage(Stage[VisitTotals]):
    """The measured stage, as a service's author would write it."""

    name = "bench"
    inputs = (VISITED,)
    outputs = (COUNTED,)
    state_type = VisitTotals

    def decide(self, item: Input, state: VisitTotals | None, ctx: Context) -> Decision[VisitTotals]:
        """Counts."""
        if not isinstance(item, Visited):
            raise TypeError(f"only visits are counted, not {type(item).__name__}")
        before = state or VisitTotals()
        after = VisitTotals(
            count=before.count + 1, seconds=before.seconds + item.data.seconds, last_page=item.data.page
        )
        return Decision(after, events=(ctx.emit(Counted, after),))


def visit_event(number: int, lead: str) -> Visited:
    """The `number`-th visit of all."""
    identity = derived_id("bench", number)
    cause = Cause(id=identity, lead_id=lead, traceparent=new_traceparent(identity))
    data = Visit(page=f"/pricing/{number % 97}", seconds=number % 300)
    return Visited.create(cause=cause, service="bench", time=datetime.now(UTC), data=data)


def workload(count: int) -> Iterator[Visited]:
    """`count` visits of a quarter as many leads, each lead's spread over the whole."""
    leads = max(int(count * LEADS_PER_EVENT), 1)
    names = [derived_id("lead", number)[:26] for number in range(leads)]
    for number in range(count):
        yield visit_event(number, names[number * 7_919 % leads])


def stamp(sequence: int) -> list[tuple[str, bytes]]:
    """The headers of a record of ours."""
    return headers_of(b"upstream@bench", sequence)
