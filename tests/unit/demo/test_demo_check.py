"""The check finds what is wrong: each promise is broken here once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from demo.actions import ACCEPTED, DUPLICATE, UNKNOWN_LEAD, Action, Expected, Import, Item, Post
from demo.check import SentFacts, check
from demo.directory import Directory
from demo.driver import WalkResult
from demo.evidence import Evidence, likely_story
from demo.posting import Sent
from demo.summary import duplicates, percentile, time_to_owner
from log.reader import LogRecord
from schemas.base import Event
from schemas.events import LeadAssigned, LeadCaptured, SequencePlanned, SequenceStopped, SlaMet
from schemas.topics import TOPICS
from tests.unit.metrics import ledger_events as e

ADA = "ada@example.com"
TOPIC_OF = {kind: topic for topic in TOPICS for kind in topic.events}
LEDGER = {"captured": 1, "contacted": 1}


def evidence(*events: Event) -> Evidence:
    found = Evidence()
    for event in events:
        found.add(LogRecord(TOPIC_OF[type(event)], SimpleNamespace(), event))
    return found


def story() -> list[Event]:
    """One lead's way, from form to call."""
    return [
        e.captured(),
        e.enriched(),
        e.scored(),
        e.assigned(),
        e.touch(60, "crm-1", human=True),
        e.met("contacted", 60),
        e.signal(70, "sig-1"),
        e.outcome("meeting", 80),
        e.rejected(),
        e.dead(service="score"),
        e.dead(service="metrics"),
    ]


def item(name: str = "", person: int | None = None, contacts: tuple[str, ...] = ()) -> Item:
    return Item({"id": name}, person, contacts)


def facts(end: datetime | None = None) -> SentFacts:
    """What was sent for `story`."""
    sent, directory = Sent(), Directory()
    lead = item(person=1, contacts=(ADA,))
    directory.learn([Action(e.START, Post("/v1/leads", (lead,)), "lane")])
    taken = {"submission_id": "s1", "lead_id": e.LEAD}
    sent.take("leads", lead, b"", 202, taken)
    sent.take("touches", item("crm-1", 1), b"", 202, taken)
    sent.take("signals", item("sig-1", 1), b"", 202, taken)
    sent.take("outcomes", item("o-meeting-80", 1), b"", 202, taken)
    refused = replace(item(), expected=Expected("refused", 422, "no_contact"))
    sent.take("leads", refused, b"{}", 422, {"type": "urn:leadstream:problem:no_contact"})
    return SentFacts(sent, WalkResult(1, 1.0, {"leads.enriched": 1}, []), directory, end or e.at(100_000))


def broken(found: Evidence, told: SentFacts | None = None, ledger: dict[str, int] | None = None) -> list[str]:
    return [each.promise for each in check(told or facts(), found, ledger or LEDGER) if not each.kept]


def test_a_good_story_keeps_every_promise() -> None:
    assert broken(evidence(*story())) == []


def without(kind: str) -> list[Event]:
    return [event for event in story() if kind not in event.type]


@pytest.mark.parametrize(
    ("missing", "promise"),
    [
        ("captured", "Every person who got in touch is a lead"),
        ("captured", "Every accepted submission is one event"),
        ("enriched", "Every lead was understood"),
        ("scored", "Every lead was scored"),
        ("lead.assigned", "Every lead has an owner or was parked for a reason"),
        ("touch", "Every accepted rep's touch is one event"),
        ("touch", "Every deadline was judged by what the rep did"),
        ("signal", "Every accepted signal is one event"),
        ("outcome", "Every accepted outcome is one event"),
        ("rejected", "Everything refused is kept, with its reason"),
        ("rejected", "… and with its bytes"),
        ("dead", "Every stranger's record was set aside by all its readers, and nothing else was"),
        ("sla", "No deadline passed unnoticed"),
    ],
)
def test_what_is_missing_is_found(missing: str, promise: str) -> None:
    assert promise in broken(evidence(*without(missing)))


@pytest.mark.parametrize(
    ("twice", "promise"),
    [
        (e.captured(1, "s2", lead="lead-2"), "Nobody is two leads"),
        (e.captured(1, "s2"), "Every accepted submission is one event"),
        (e.touch(61, "crm-1", human=True), "Every accepted rep's touch is one event"),
        (e.signal(71, "sig-1"), "Every accepted signal is one event"),
        (e.dead(2, service="route"), "Every stranger's record was set aside by all its readers, and nothing else was"),
    ],
)
def test_what_is_there_twice_is_found(twice: Event, promise: str) -> None:
    assert promise in broken(evidence(*story(), twice))


def captured_of(email: str, submission: str, lead: str = e.LEAD) -> LeadCaptured:
    event = e.captured(1, submission, lead=lead)
    person = event.data.person.replace(email=email)
    return event.replace(data=event.data.replace(person=person))


BOB = "bob@example.com"


def test_two_people_in_one_lead_are_found() -> None:
    told = facts()
    told.directory.learn([Action(e.START, Post("/v1/leads", (item(person=2, contacts=(BOB,)),)), "lane")])
    assert "No lead is two people, or nobody" in broken(evidence(*story(), captured_of(BOB, "s2")), told)


def test_a_lead_of_nobody_we_know_is_found() -> None:
    stranger = captured_of("who@example.com", "s2", "lead-2")
    assert "No lead is two people, or nobody" in broken(evidence(*story(), stranger))


@pytest.mark.parametrize(
    "verdict",
    [
        e.met("contacted", 200),  # nobody called then
        e.met("contacted", 60, started_at=e.at(-1_000)),  # after that deadline
    ],
)
def test_a_deadline_said_to_be_kept_without_a_call_is_found(verdict: SlaMet) -> None:
    wrong = [*without("sla"), verdict]
    assert "Every deadline was judged by what the rep did" in broken(evidence(*wrong))


def test_a_deadline_said_to_be_broken_in_spite_of_a_call_is_found_unless_it_is_corrected() -> None:
    wrong: list[Event] = [*without("sla"), e.breached("contacted", 300)]
    assert "Every deadline was judged by what the rep did" in broken(evidence(*wrong))
    corrected = evidence(*wrong, e.met("contacted", 60))
    assert broken(corrected) == []
    assert corrected.corrected == 1


@pytest.mark.parametrize("released", [e.outcome("lost", 90), e.outcome("returned", 90)])
def test_nobody_need_be_called_who_was_let_go(released: Event) -> None:
    quiet = [event for event in story() if "sla" not in event.type and "outcome" not in event.type]
    assert "No deadline passed unnoticed" not in broken(evidence(*quiet, released))


def test_a_deadline_that_is_still_to_come_is_no_fault() -> None:
    assert "No deadline passed unnoticed" not in broken(evidence(*without("sla")), facts(e.at(200)))


@pytest.mark.parametrize("stage", ["captured", "contacted"])
def test_a_ledger_that_says_otherwise_is_found(stage: str) -> None:
    assert any("ledger" in promise for promise in broken(evidence(*story()), ledger={**LEDGER, stage: 7}))


def test_imported_people_count_like_the_others() -> None:
    told = facts()
    rows = ((BOB,), ("",))
    listed = Import("l.csv", "l", ("E-mail",), rows, persons=(2,), contacts=((BOB,),), refused=("no_identity",))
    told.directory.learn([Action(e.START, listed, "list")])
    told.walked.imported.append((listed, 1, 1))
    all_of_it = (*story(), captured_of(BOB, "s2", "lead-2"), e.rejected(2, reason="no_identity"))
    found = broken(evidence(*all_of_it), told)
    assert not any("person" in promise or "Nobody" in promise or "refused" in promise for promise in found)


# -- answers -----------------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {"submission_id": "s1", "lead_id": "l"}
PROBLEM: dict[str, Any] = {"type": "urn:leadstream:problem:unknown_lead"}
HONEYPOT = Expected("refused", 200, "honeypot")


@pytest.mark.parametrize(
    ("expected", "status", "answer"),
    [
        (ACCEPTED, 202, GOOD),
        (ACCEPTED, 200, None),  # a form's page of thanks
        (DUPLICATE, 202, {**GOOD, "duplicate": True}),
        (UNKNOWN_LEAD, 404, PROBLEM),
        (HONEYPOT, 200, None),
    ],
)
def test_an_answer_as_expected_is_no_surprise(expected: Expected, status: int, answer: dict[str, Any] | None) -> None:
    sent = Sent()
    sent.take("leads", Item({"id": "1"}, 1, expected=expected), b"", status, answer)
    assert sent.surprises == []


@pytest.mark.parametrize(
    ("expected", "status", "answer"),
    [
        (ACCEPTED, 422, PROBLEM),
        (ACCEPTED, 202, {**GOOD, "duplicate": True}),
        (DUPLICATE, 202, GOOD),
        (UNKNOWN_LEAD, 202, GOOD),
        (UNKNOWN_LEAD, 404, {"type": "urn:leadstream:problem:other"}),
        (HONEYPOT, 500, None),
    ],
)
def test_any_other_answer_is_a_surprise(expected: Expected, status: int, answer: dict[str, Any] | None) -> None:
    sent = Sent()
    sent.take("leads", Item({"id": "1"}, 1, expected=expected), b"", status, answer)
    assert len(sent.surprises) == 1


# -- figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_nearest_ranks(share: float, value: int) -> None:
    assert percentile(range(1, 101), share) == value


def test_the_time_to_owner_counts_from_the_start_of_the_clock() -> None:
    late: LeadAssigned = e.assigned(500, lead="lead-2")
    waking = late.replace(data=late.data.replace(deadlines=late.data.deadlines.replace(started_at=e.at(499.5))))
    seconds = evidence(e.assigned(0.3), waking).seconds_to_owner
    assert time_to_owner(seconds) == {"enquiries": 2, "p50": 0.3, "p90": 0.5, "p99": 0.5, "max": 0.5}
    assert time_to_owner([])["p50"] is None


def test_the_story_told_is_the_one_that_got_furthest_in_fewest_events() -> None:
    other = [event.replace(subject="lead-2") for event in (*story(), e.scored(90), e.touch(95))]
    assert likely_story(evidence(*other, *story(), e.captured(lead="lead-3"), e.touch(20, "t9"))) == e.LEAD
    assert likely_story(Evidence()) is None


def test_known_people_are_counted_by_what_told_them() -> None:
    again = e.captured(1, "s2")
    identity = again.data.identity.replace(new=False, matched_on=("phone", "email"))
    again = again.replace(data=again.data.replace(identity=identity))
    done: Any = SimpleNamespace(evidence=evidence(e.captured(), again), sent=Sent(repeats=3))
    assert duplicates(done) == {
        "submissions_of_known_leads": 1,
        "recognised_by": {"email and phone": 1},
        "repeats": 3,
    }


def test_met_beats_breached_whatever_comes_first() -> None:
    told = [e.met("contacted", 60), e.breached("contacted", 300)]
    for order in (told, told[::-1]):
        assert [verdict.kept for verdict in evidence(*order).verdicts.values()] == [True]
    assert [verdict.kept for verdict in evidence(told[1]).verdicts.values()] == [False]


def test_each_touch_is_planned_once_however_often_its_plan_changes() -> None:
    found = evidence(
        e.sequence(SequencePlanned, 1, "t1", "t2"),
        e.sequence(SequencePlanned, 2, "t1", "t2", reason="moved"),
        e.touch(3, "t1"),
        e.sequence(SequenceStopped, 4, "t2", reason="reply"),
        e.sequence(SequenceStopped, 5, "t3", reason="unsubscribe"),  # known before the plan: never announced
    )
    counts = {status: found.touches["email", status, False] for status in ("planned", "sent", "suppressed")}
    assert counts == {"planned": 3, "sent": 1, "suppressed": 2}
