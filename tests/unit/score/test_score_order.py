"""Facts arrive in any order across topics; what comes of them must not depend on it."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.matching import facts_of
from schemas.base import Event
from services.score.domain.model import Score, compile_scoring, evaluate
from services.score.domain.state import SIGNALS_KEPT
from tests.support.events import interleavings
from tests.unit.score.score_cases import (
    MONDAY,
    POLICY_FILES,
    Journey,
    Topics,
    default_policy,
    enriched,
    histories,
    policy_at,
    signal,
)


def score_of_lead(journey: Journey) -> Score:
    lead = journey.known.lead
    assert lead is not None
    return evaluate(compile_scoring(journey.policy.scoring), facts_of(lead), journey.known)


def assert_same_end(first: Journey, second: Journey) -> None:
    assert second.known == first.known
    assert second.known.to_json().decode() == first.known.to_json().decode()
    assert score_of_lead(second) == score_of_lead(first)


@pytest.mark.parametrize("path", POLICY_FILES, ids=lambda path: path.stem)
@settings(max_examples=25)
@given(data=st.data(), topics=histories())
def test_any_interleaving_of_the_topics_gives_the_same_state_and_score(
    path: Path, data: st.DataObject, topics: Topics
) -> None:
    policy = policy_at(path)
    in_order = Journey(policy).follow(event for topic in topics for event in topic)
    shuffled = Journey(policy).follow(data.draw(interleavings(topics)))

    assert_same_end(in_order, shuffled)


@settings(max_examples=25)
@given(topics=histories(), chance=st.randoms(use_true_random=False))
def test_signals_touches_and_outcomes_may_come_in_any_order_at_all(topics: Topics, chance: random.Random) -> None:
    submissions, *others = topics
    events = [event for topic in others for event in topic]
    in_order = Journey().follow([*submissions, *events])
    chance.shuffle(events)

    assert_same_end(in_order, Journey().follow([*submissions, *events]))


@settings(max_examples=25)
@given(histories().flatmap(interleavings))
def test_what_was_told_last_is_the_score_that_all_facts_give(read: list[Event]) -> None:
    journey = Journey().follow(read)

    told = journey.scored[-1].data
    standing = score_of_lead(journey).standing
    assert standing == journey.known.last_emitted
    assert standing == type(standing)(**{name: getattr(told, name) for name in standing.__struct_fields__})


@settings(max_examples=25)
@given(data=st.data(), topics=histories())
def test_reading_signals_touches_and_outcomes_twice_changes_nothing(data: st.DataObject, topics: Topics) -> None:
    journey = Journey().follow(data.draw(interleavings(topics)))
    before, told = journey.known, len(journey.scored)

    journey.follow(event for topic in topics[1:] for event in topic)

    assert journey.known == before
    assert len(journey.scored) == told


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_more_signals_than_are_kept_come_out_the_same_in_any_order(chance: random.Random) -> None:
    visits: list[Event] = [
        signal("page_view", MONDAY + timedelta(minutes=number % 50), f"v{number}") for number in range(3 * SIGNALS_KEPT)
    ]
    in_order = Journey(default_policy()).follow([enriched(), *visits])
    shuffled = visits.copy()
    chance.shuffle(shuffled)

    journey = Journey(default_policy()).follow([*shuffled, enriched(), *visits])

    assert len(journey.known.signals["page_view"]) == SIGNALS_KEPT
    assert_same_end(in_order, journey)
