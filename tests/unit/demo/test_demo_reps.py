"""What reps do with the leads they are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest

from demo.actions import Action, Item, Post
from demo.channels import BY_NAME
from demo.journeys import Journey
from demo.people import Cast
from demo.reps import Reps
from demo.sales import Step, sale
from demo.world import world
from tests.unit.metrics import ledger_events as e

PEOPLE = 400


def journeys() -> dict[int, Journey]:
    cast = Cast()
    return {
        number: Journey(
            cast.person(number, number / PEOPLE, Random(number)), BY_NAME["web_form"], "demo-request", e.START, (), "7"
        )
        for number in range(PEOPLE)
    }


JOURNEYS = journeys()


def reps(now: datetime | None = None) -> Reps:
    return Reps(JOURNEYS, world(), lambda: now or e.at(0.3))


def given(people: range) -> Iterator[tuple[int, list[Action]]]:
    """Everybody given to somebody, and what follows."""
    office = reps()
    for person in people:
        event = e.assigned(0.3, lead=f"lead-{person}")
        yield person, list(office.react(event, person))


def item(action: Action) -> Item:
    assert isinstance(action.what, Post)
    return action.what.items[0]


def first_touch(actions: list[Action]) -> Action | None:
    return next((each for each in actions if isinstance(each.what, Post) and each.what.path == "/v1/touches"), None)


def test_the_same_lead_is_treated_the_same_way_again() -> None:
    assert list(given(range(50))) == list(given(range(50)))


def test_most_leads_are_called_in_time_some_late_some_never() -> None:
    deadline = e.at(300)
    how: Counter[str] = Counter()
    for _, actions in given(range(PEOPLE)):
        touch = first_touch(actions)
        made = item(touch).happened if touch else None
        how["never" if made is None else "in time" if made <= deadline else "late"] += 1
    assert how["in time"] / PEOPLE == pytest.approx(0.86, abs=0.06)
    assert how["late"] > how["never"] > 0


def test_a_call_in_time_is_told_before_the_deadline_but_for_some_that_are_entered_later() -> None:
    told_later = 0
    for _, actions in given(range(PEOPLE)):
        touch = first_touch(actions)
        if touch is not None and (made := item(touch).happened) is not None and made <= e.at(300):
            told_later += touch.at > e.at(300)
            assert touch.at > e.at(300) or touch.at <= made
            assert e.at(0.3) < made
    assert 0 < told_later < 0.1 * PEOPLE


def test_every_report_names_the_lead_its_owner_and_an_id_of_its_own() -> None:
    ids: Counter[str] = Counter()
    for person, actions in given(range(60)):
        for action in actions:
            document = item(action).document
            assert document["lead_id"] == f"lead-{person}"
            assert document.get("rep", "kim") == "kim"
            ids[document["id"]] += 1
    assert ids.most_common(1)[0][1] == 1


def test_what_a_former_owner_had_in_mind_is_not_done() -> None:
    office = reps()
    before = list(office.react(e.assigned(0.3, lead="lead-300"), 300))
    after = list(office.react(e.reassigned(400, lead="lead-300"), 300))
    assert all(office.still_due(action) for action in after)
    assert not any(office.still_due(action) for action in before if action.claim)


def test_an_event_that_gives_nobody_a_lead_leads_to_nothing() -> None:
    assert list(reps().react(e.parked(), 1)) == []


def test_better_leads_are_sold_more_often_and_every_loss_has_a_reason() -> None:
    ends: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for number, journey in JOURNEYS.items():
        steps = list(sale(journey.person, e.START, world(), Random(number)))
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        assert all(step.reason for step in steps if step.outcome == "lost")
        assert all(step.value for step in steps if step.outcome in ("opportunity", "quote_sent", "won"))
        ends[journey.person.quality > 0.5][_end(steps)] += 1
    assert ends[True]["won"] > 3 * ends[False]["won"] > 0
    assert ends[False][""] > ends[True][""]


def _end(steps: list[Step]) -> str:
    return steps[-1].outcome if steps else ""


def test_nothing_of_a_sale_happens_before_the_contact() -> None:
    for number, journey in JOURNEYS.items():
        steps = sale(journey.person, e.START, world(), Random(number))
        assert all(step.at >= e.START + timedelta(hours=1) for step in steps)
