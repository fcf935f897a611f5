"""Facts come in any order across topics: the end is the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Event
from schemas.events import Consent
from tests.support.events import interleavings
from tests.unit.nurture.world import (
    MONDAY,
    NURTURE,
    Answer,
    World,
    assigned,
    origin,
    outcome,
    parked,
    policy,
    reassigned,
    recycled,
    scored,
    signal,
    touch,
)

PATIENT = [
    {**sequence, "steps": [{**step, "after": "5d"} for step in sequence["steps"]]} for sequence in NURTURE["sequences"]
]
"""The same sequences, but nothing is due before Saturday: no timer fires while the facts come in."""

hours = st.integers(-5, 90)
bands = st.sampled_from(["hot", "warm", "cold"])


@st.composite
def submissions(draw: st.DrawFn, at: int) -> Any:
    """One of three enquiries, made before `at`."""
    number = draw(st.integers(0, 2))
    made = min(number * 20, at)
    return origin(MONDAY + timedelta(hours=made), f"s{made}")


@st.composite
def assignments(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for at in sorted(draw(st.lists(st.integers(0, 90), min_size=1, max_size=4, unique=True))):
        kind: Any = draw(st.sampled_from([assigned, reassigned, reassigned, parked, recycled]))
        moment = MONDAY + timedelta(hours=at)
        events.append(kind(moment, band=draw(bands), origin=draw(submissions(at))))
    return events


@st.composite
def scores(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for at in sorted(draw(st.lists(st.integers(0, 90), max_size=3, unique=True))):
        qualification = draw(st.sampled_from(["mql", "nurture", "disqualified"]))
        consent = Consent(marketing=draw(st.sampled_from([True, False, None])))
        made = draw(submissions(at))
        moment = MONDAY + timedelta(hours=at)
        events.append(scored(moment, qualification=qualification, consent=consent, origin=made))
    return events


signals: st.SearchStrategy[list[Event]] = st.lists(
    st.builds(
        lambda kind, at: signal(kind, MONDAY + timedelta(hours=at)),
        st.sampled_from(["email_reply", "meeting", "unsubscribe"]),
        hours,
    ),
    max_size=2,
)
outcomes: st.SearchStrategy[list[Event]] = st.lists(
    st.builds(
        lambda kind, at: outcome(kind, MONDAY + timedelta(hours=at)),
        st.sampled_from(["won", "contacted", "meeting", "accepted", "returned", "returned"]),
        hours,
    ),
    max_size=3,
)


touches: st.SearchStrategy[list[Event]] = st.lists(
    st.builds(
        lambda at, human, status: touch(MONDAY + timedelta(hours=at), status, human=human),
        hours,
        st.booleans(),
        st.sampled_from(["sent", "sent", "planned", "failed"]),
    ),
    max_size=3,
)


all_topics = st.tuples(assignments(), scores(), signals, outcomes, touches)
ANSWERS: tuple[Answer, ...] = (("done", ""), ("failed", "retry:busy"), ("failed", "bounced:no"), ("unknown", ""))


def ended(world: World) -> dict[str, Any]:
    """What counts: the state, the timers, and what became of each touch. In which words it was called off does not."""
    assert world.state is not None
    return {
        "state": world.state.to_dict(),
        "timers": {name: (timer.due, timer.data) for name, (timer, _) in world.timers.items()},
        "touches": world.final(),
    }


@settings(max_examples=200)
@given(st.data())
def test_any_interleaving_of_the_topics_ends_in_the_same_state_timers_and_touches(data: st.DataObject) -> None:
    topics = data.draw(all_topics)
    patient = policy(sequences=PATIENT)
    one, other = (World(patient).hear(*data.draw(interleavings(topics))) for _ in range(2))
    assert ended(one) == ended(other)


@settings(max_examples=60)
@given(st.data())
def test_whatever_comes_in_whatever_order_every_planned_touch_comes_to_an_end(data: st.DataObject) -> None:
    topics = data.draw(all_topics)
    world = World(policy(sequences=PATIENT)).hear(*data.draw(interleavings(topics)))
    world.run_until(MONDAY + timedelta(days=400), data.draw(st.sampled_from(ANSWERS)))
    assert world.timers == {}
    assert world.state is not None
    if not world.state.on_hold:
        assert set(world.final()) == {touch.data.touch_id for touch in world.told}
    ends = [touch.data.touch_id for touch in world.told if touch.status in ("sent", "failed", "suppressed", "unknown")]
    assert len(ends) == len(set(ends)), "a touch ended twice"


def test_a_stop_before_and_after_the_assignment_sends_and_suppresses_the_same_touches() -> None:
    reply, owner = signal("email_reply", MONDAY + timedelta(hours=1)), assigned(MONDAY)
    patient = policy(sequences=PATIENT)
    before, after = World(patient).hear(reply, owner), World(patient).hear(owner, reply)
    assert len(before.final()) == 5
    assert before.final() == after.final()
