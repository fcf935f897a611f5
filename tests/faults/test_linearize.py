"""The chain's check is tested: it explains what a stage did, and nothing that a stage can't have done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.base import Event, cause_of
from tests.support.bare import Alpha, Tally
from tests.support.bare_oracle import _context, oracle
from tests.support.harness import POLICY, ping
from tests.support.linearize import Explainer, Found

PINGS = [ping("lead0", n) for n in (1, 2, 3)]
"""Numbers that set no timer but `later`, for a day on."""
EXPLAINER = Explainer(Alpha(), POLICY, datetime.now(UTC))


def done() -> Found[Tally]:
    """What alpha does with the pings."""
    world = oracle(PINGS)
    emitted: list[Event] = []
    state: Tally | None = None
    for each in PINGS:
        decision = Alpha().decide(each, state, _context("alpha", cause_of(each), each.time))
        state = decision.state
        emitted += decision.events
    due, n = world.timers["lead0", "later"]
    return Found([PINGS], emitted, world.states["alpha"]["lead0"], {"later": (due, {"n": n})})


def test_what_a_stage_did_is_explained() -> None:
    assert EXPLAINER.explain(done()) == ""


def test_inputs_of_two_topics_are_explained_in_whatever_order_they_were_taken() -> None:
    found = done()
    assert EXPLAINER.explain(replace(found, inputs=[[PINGS[1]], [PINGS[0], PINGS[2]]])) == ""


SPOILT: dict[str, Callable[[Found[Tally]], dict[str, Any]]] = {
    "an input is lost": lambda _: {"inputs": [[*PINGS, ping("lead0", 4)]]},
    "an input is taken twice": lambda _: {"inputs": [PINGS[:2]]},
    "an event is lost": lambda found: {"emitted": found.emitted[1:]},
    "an event is emitted twice": lambda found: {"emitted": [*found.emitted, found.emitted[0]]},
    "two events change places": lambda found: {"emitted": found.emitted[::-1]},
    "an update is lost": lambda _: {"state": Tally(count=2)},
    "the state is lost": lambda _: {"state": None},
    "a timer is lost": lambda _: {"timers": {}},
    "a timer is due at another time": lambda _: {"timers": {"later": (datetime.now(UTC), {"n": 3})}},
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_what_no_stage_can_have_done_is_not_explained(spoil: Callable[[Found[Tally]], dict[str, Any]]) -> None:
    found = done()
    assert EXPLAINER.explain(replace(found, places={}, **spoil(found))) != ""
