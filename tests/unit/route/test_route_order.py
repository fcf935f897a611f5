"""However the topics are interleaved, the same facts end in the same state; and what is locked is always enough."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy import Policy
from policy.loading import load_policy
from schemas.base import Event
from tests.support.events import interleavings
from tests.unit.route.route_cases import (
    MONDAY,
    ROOT,
    Office,
    origin,
    outcome,
    policy_of,
    scored,
    touch,
)

COUNTRIES = st.sampled_from(["GB", "DE", "US", None])
BANDS = st.sampled_from(["hot", "warm", "cold"])
SECONDS = st.integers(0, 400_000).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def scores(draw: st.DrawFn) -> list[Event]:
    """The lead's scores, of one or two submissions, in order."""
    times = sorted(draw(st.lists(SECONDS, min_size=1, max_size=4)))
    second = draw(st.integers(1, 4))
    found: list[Event] = []
    for number, after in enumerate(times):
        submission = origin("s2", MONDAY + times[second]) if number >= second else origin()
        found.append(scored(MONDAY + after, draw(BANDS), origin=submission, country=draw(COUNTRIES)))
    return found


@st.composite
def touches(draw: st.DrawFn) -> list[Event]:
    """Contacts by people, each reported some time after it happened."""
    drawn = draw(st.lists(st.tuples(SECONDS, SECONDS), max_size=4))
    return sorted((touch(MONDAY + min(p), at=MONDAY + max(p)) for p in drawn), key=lambda each: each.time)


@st.composite
def outcomes(draw: st.DrawFn) -> list[Event]:
    """Outcomes, of which at most two give the lead back, so that somebody is always left to take it."""
    pairs = draw(st.lists(st.tuples(SECONDS, SECONDS), max_size=5))
    reports: list[Event] = []
    for number, pair in enumerate(pairs):
        kind = draw(st.sampled_from(["accepted", "contacted", "meeting", "lost"] + ["returned"] * (number < 2)))
        rep = draw(st.sampled_from([None, None, "anna", "uma"]))
        reports.append(outcome(kind, MONDAY + min(pair), at=MONDAY + max(pair), identity=f"o{number}", rep=rep))
    return sorted(reports, key=lambda each: each.time)


@st.composite
def two_readings(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    topics = [draw(scores()), draw(touches()), draw(outcomes())]
    return draw(interleavings(topics)), draw(interleavings(topics))


@settings(max_examples=300)
@given(two_readings())
def test_any_interleaving_of_the_topics_gives_the_same_state_and_the_same_turns(
    readings: tuple[list[Event], list[Event]],
) -> None:
    one, two = Office(), Office()
    one.take(*readings[0])
    two.take(*readings[1])
    assert one.state == two.state
    assert one.pools == two.pools
    assert one.loads == two.loads


@settings(max_examples=200)
@given(two_readings())
def test_the_same_reading_again_changes_nothing_but_turns_nobody_takes(
    readings: tuple[list[Event], list[Event]],
) -> None:
    office = Office()
    office.take(*readings[0])
    before, pools = office.state, dict(office.pools)
    assert office.take(*(item for item in readings[1] if "scored" not in item.type)) == []
    assert (office.state, office.pools) == (before, pools)


@cache
def shipped(file: Path) -> Policy:
    return load_policy(file)


@pytest.mark.parametrize("file", sorted((ROOT / "policy" / "starters").glob("*.yaml")), ids=lambda path: path.stem)
@given(data=st.data())
@settings(max_examples=60)
def test_what_a_batch_locks_is_enough_for_whatever_it_decides(file: Path, data: st.DataObject) -> None:
    """`Office` finds only the pools that were foreseen: a decision that asks for another one fails."""
    office = Office(shipped(file))
    draw = data.draw
    for number in range(6):
        at = MONDAY + draw(SECONDS)
        office.take(
            scored(
                at,
                draw(BANDS),
                lead=f"lead-{number % 2}",
                qualification=draw(st.sampled_from(["mql", "nurture", "disqualified"])),
                employees=draw(st.sampled_from([5, 5_000, None])),
                country=draw(st.sampled_from(["GB", "DE", "FR", "US", "BR", "NG", None])),
                domain="big.example",
            )
        )
        office.take(outcome("returned", at, identity=f"o{number}", lead=f"lead-{draw(st.integers(0, 1))}"))
        office.until(at + draw(SECONDS))


def test_a_qualified_lead_is_never_without_an_owner() -> None:
    full = {rep: {"capacity_per_day": 1, "holidays": ["2026-03-02"]} for rep in ("anna", "ben", "carl", "maria", "uma")}
    office = Office(policy_of(reps=full))
    for number in range(20):
        office.take(scored(lead=f"lead-{number}"))
    assert all(state.owner for state in office.states.values())
