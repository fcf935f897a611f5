"""Routing opens and settles SLA clocks, metrics counts them: no clock runs on that routing has done with."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Event
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger, SlaClock
from tests.unit.route.route_cases import DAY, HOUR, LEAD, MINUTE, MONDAY, Office, origin, outcome, scored, touch

NEWS = ("hot", "warm", "cold", "again", "touch", "returned", "accepted", "lost")
PAUSES = st.sampled_from([timedelta(), MINUTE, 7 * MINUTE, HOUR, 2 * DAY])


def news(kind: str, number: int, at: timedelta) -> Event:
    """Something that routing reads of its one lead."""
    moment = MONDAY + at
    match kind:
        case "hot" | "warm" | "cold":
            return scored(moment, kind, origin=origin(f"s{number}", moment))
        case "again":
            return scored(moment, "hot", origin=origin())
        case "touch":
            return touch(moment)
        case _:
            return outcome(kind, moment, identity=f"o{number}")


def running(office: Office, read: list[Event]) -> list[SlaClock]:
    """The clocks that run by the ledger that metrics keeps."""
    ledger: Ledger | None = None
    for event in [*read, *office.events]:
        if event.subject == LEAD:
            ledger = fold(ledger, event) or ledger
    return [clock for clock in ledger.clocks if clock.status == "open"] if ledger else []


@given(st.lists(st.tuples(st.sampled_from(NEWS), PAUSES), max_size=8))
def test_once_all_timers_have_run_out_no_clock_runs_that_routing_has_settled(
    steps: list[tuple[str, timedelta]],
) -> None:
    office, at, read = Office(), timedelta(), list[Event]()
    for number, (kind, pause) in enumerate([("hot", timedelta()), *steps]):
        at += pause
        office.until(MONDAY + at)
        read.append(news(kind, number, at))
        office.take(read[-1])
    office.until(MONDAY + at + 60 * DAY)
    clock = office.state.clock
    assert clock is not None
    left = {(each.sla, each.started_at) for each in running(office, read)}
    assert left <= ({("contacted", clock.started)} if clock.status == "open" else set())
    if office.state.lost_at is None and office.owner is not None:
        assert left == set()
