"""Turns: fair, gapless, and given back when a decision fails."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.route.domain.turns import Candidate, PoolNotLocked, PoolTurns, Turns

REPS = ("anna", "ben", "carl", "dora", "emil")
DAY = date(2026, 3, 2)

weights = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def pool(weights: list[int]) -> list[Candidate]:
    return [Candidate(rep, weight) for rep, weight in zip(REPS, weights, strict=False)]


@given(weights, st.integers(1, 200))
def test_everybody_has_their_share_of_the_turns_at_any_time(weights: list[int], rounds: int) -> None:
    turns = Turns({"p": PoolTurns()})
    given_to = Counter(turns.take("p", pool(weights)).rep for _ in range(rounds))
    for candidate in pool(weights):
        share = rounds * candidate.weight / sum(weights)
        assert abs(given_to[candidate.rep] - share) < len(weights)
    if rounds % sum(weights) == 0:
        assert all(given_to[c.rep] == rounds * c.weight // sum(weights) for c in pool(weights))


@given(weights, st.data())
def test_turns_are_numbered_without_a_gap_whoever_is_there(weights: list[int], data: st.DataObject) -> None:
    turns = Turns({"p": PoolTurns()})
    everybody = pool(weights)
    for number in range(20):
        there = data.draw(st.lists(st.sampled_from(everybody), min_size=1, unique=True))
        turn = turns.take("p", there)
        assert turn.ordinal == number
        assert turn.rep in {candidate.rep for candidate in there}
        assert sum(turns.pools["p"].credit.values()) == 0


def test_turns_of_one_rep_lie_apart() -> None:
    turns = Turns({"p": PoolTurns()})
    order = [turns.take("p", [Candidate("anna", 5), Candidate("ben", 1), Candidate("carl", 1)]).rep for _ in range(7)]
    assert order == ["anna", "anna", "ben", "anna", "carl", "anna", "anna"]


def test_who_was_away_does_not_catch_up_and_burdens_nobody_twice() -> None:
    turns = Turns({"p": PoolTurns()})
    anna, ben, carl = (Candidate(rep, 1) for rep in REPS[:3])
    while_away = Counter(turns.take("p", [anna, carl]).rep for _ in range(30))
    assert while_away == {"anna": 15, "carl": 15}
    back = Counter(turns.take("p", [anna, ben, carl]).rep for _ in range(30))
    assert back == {"anna": 10, "ben": 10, "carl": 10}


def test_a_failed_decision_leaves_no_trace() -> None:
    turns = Turns({"p": PoolTurns(7, {"anna": 1, "ben": -1})}, {("anna", DAY): 3}, {"acme.example": "ben"})
    turns.take("p", pool([1, 1]))
    turns.begin()
    turns.take("p", pool([1, 1]))
    turns.count("anna", DAY)
    turns.count("anna", DAY)
    turns.claim_account("acme.example", "anna")
    assert turns.load("anna", DAY) == 5
    assert turns.account_owner("acme.example") == "anna"
    turns.undo()
    assert turns.pools["p"].ordinal == 8
    assert turns.load("anna", DAY) == 3
    assert turns.account_owner("acme.example") == "ben"
    assert turns.take("p", pool([1, 1])).ordinal == 8


def test_a_pool_that_was_not_locked_gives_no_turn() -> None:
    with pytest.raises(PoolNotLocked, match="`p`"):
        Turns().take("p", pool([1]))
