"""The direct API is strict about names and says where a field is wrong; times and modes are put together."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import LeadCaptured, OutcomeRecorded, SignalRecorded, TouchRecorded
from schemas.events.captured import IdentityMatch
from schemas.topics import BY_NAME
from services.capture.domain.errors import InvalidInput, pointer
from services.capture.domain.items import Kind, Match
from services.capture.domain.submissions import READERS
from tests.unit.capture.capture_cases import NOW, context, item

OURS = Match("lead-1", IdentityMatch(new=True))


def problems(kind: Kind, document: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        READERS[kind](document, context())
    assert refused.value.status == 422
    return {problem.pointer: problem.reason for problem in refused.value.problems}


def test_a_lead_becomes_a_captured_event_with_all_it_says() -> None:
    row = item(
        "lead",
        name="Ada Lovelace",
        email="Ada@Example.com",
        phone="020 7946 0018",
        message="Call me",
        answers={"budget": "10k"},
        company="Engines Ltd",
        attribution={"utm_source": "ads"},
        consent=True,
        source="pricing page",
        submitted_at="2026-03-02T10:20:00+01:00",
    ).row(OURS)
    event = BY_NAME[row.topic].decode(row.value)
    assert isinstance(event, LeadCaptured)
    assert (row.key, event.subject, event.mode, event.time) == (b"lead-1", "lead-1", "live", NOW)
    data = event.data
    assert (data.person.name, data.person.email, data.person.answers) == (
        "Ada Lovelace",
        "Ada@Example.com",
        {"budget": "10k"},
    )
    assert (data.company.name, data.attribution.utm_source, data.consent.marketing) == ("Engines Ltd", "ads", True)
    assert (data.origin.channel, data.origin.source, data.origin.captured_at) == ("api", "pricing page", NOW)
    assert data.origin.utm_source == "ads"
    assert data.origin.submitted_at == NOW - timedelta(minutes=10)
    assert data.identity.new


def test_the_person_may_stand_in_an_object_of_its_own() -> None:
    flat = item("lead", name="Ada", email="ada@example.com")
    nested = item("lead", person={"name": "Ada", "email": "ada@example.com"})
    assert flat.row(OURS) == nested.row(OURS)


def test_the_person_may_not_stand_in_both_places() -> None:
    assert "" in problems("lead", {"email": "ada@example.com", "person": {"name": "Ada"}})


@pytest.mark.parametrize(
    ("document", "where", "why"),
    [
        ({"email": "ada@example.com", "emial": "x"}, "/emial", "unknown field; did you mean `email`?"),
        ({"email": "ada@example.com", "a/b~c": 1}, "/a~1b~0c", "unknown field"),
        ({"email": 5}, "/email", "should be a valid string"),
        ({"email": "ada@"}, "/email", "not an email address"),
        ({"person": {"email": "ada@"}}, "/person/email", "not an email address"),
        ({"phone": "call me"}, "/phone", "not a phone number"),
        ({"person": {"emial": "x"}}, "/person/emial", "unknown field; did you mean `email`?"),
        ({"email": "ada@example.com", "company": {"employees": "many"}}, "/company/employees", "integer"),
        ({"email": "ada@example.com", "company": {"employees": True}}, "/company/employees", "integer"),
        ({"email": "ada@example.com", "company": 7}, "/company", "must be an object"),
        ({"email": "ada@example.com", "consent": {"marketing": "yes"}}, "/consent/marketing", "boolean"),
        ({"email": "ada@example.com", "answers": {"a": 1}}, "/answers/a", "string"),
        ({"email": "ada@example.com", "answers": {"": "x"}}, "/answers/", "must not be empty"),
        ({"email": "ada@example.com", "answers": {"a": "x" * 20_001}}, "/answers/a", "20000"),
        ({"email": "ada@example.com", "answers": {str(n): "" for n in range(300)}}, "/answers", "250 answers"),
        ({"email": "ada@example.com", "name": "a\x00b"}, "/name", "NUL"),
        ({"email": "ada@example.com", "answers": {"a\x00": "b"}}, "/answers/a\x00", "NUL"),
        ({"email": "ada@example.com", "id": ""}, "/id", "must not be empty"),
        ({"email": "ada@example.com", "external_ids": {"Hub Spot": "1"}}, "/external_ids/Hub Spot", "pattern"),
        ({"email": "ada@example.com", "mode": "dry"}, "/mode", "live"),
        ({"email": "ada@example.com", "mode": "history"}, "/submitted_at", "required when `mode` is `history`"),
        ({"email": "ada@example.com", "submitted_at": "2026-03-02"}, "/submitted_at", "offset from UTC"),
        ({"email": "ada@example.com", "submitted_at": "2026-03-02T10:00:00"}, "/submitted_at", "offset from UTC"),
        ({"email": "ada@example.com", "submitted_at": 1_700_000_000}, "/submitted_at", "2026-03-01T09:30:00Z"),
        ({"email": "ada@example.com", "submitted_at": "1970-01-01T00:00:00Z"}, "/submitted_at", "before 1990"),
        ({"email": "ada@example.com", "submitted_at": "2026-03-03T00:00:00Z"}, "/submitted_at", "in the future"),
        ({"name": "Ada"}, "/email", "give an email address"),
        ({"email": "  "}, "/email", "not an email address"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_lead_is_named_with_its_reason(document: dict[str, Any], where: str, why: str) -> None:
    found = problems("lead", document)
    assert why in found[where]


def test_all_wrong_fields_are_named_at_once() -> None:
    assert set(problems("lead", {"email": 1, "phone": 2, "foo": 3, "company": {"bar": 4}})) == {
        "/email", "/phone", "/foo", "/company/bar",
    }  # fmt: skip


def test_no_reason_repeats_what_was_sent() -> None:
    secret = "correct horse battery staple"
    found = problems("lead", {"email": secret, "mode": secret, "submitted_at": secret, "consent": {"given_at": secret}})
    assert not any(secret in reason for reason in found.values())


@pytest.mark.parametrize("document", [[], "lead", 5, None, True])
def test_a_document_that_is_no_object_is_refused(document: object) -> None:
    assert problems("lead", document) == {}


def test_one_readable_identifier_is_enough() -> None:
    assert [key.kind for key in item("lead", email="ada@", phone="020 7946 0018").keys] == ["phone"]


def test_a_phone_number_is_read_by_the_country_of_the_submission() -> None:
    assert item("lead", phone="030 901820", company={"country": "Germany"}).keys[0].value == "+4930901820"


def test_history_carries_the_moment_it_tells_of() -> None:
    row = item("lead", email="ada@example.com", mode="history", submitted_at="2025-01-01T00:00:00Z").row(OURS)
    event = BY_NAME[row.topic].decode(row.value)
    assert (event.mode, event.time.year) == ("history", 2025)


@pytest.mark.parametrize(
    ("kind", "document", "event_type"),
    [
        ("signal", {"signal": "pricing_visit", "detail": "/pricing"}, SignalRecorded),
        ("outcome", {"outcome": "won", "value": "1200.50", "currency": "EUR"}, OutcomeRecorded),
        ("touch", {"channel": "call", "rep": "anna"}, TouchRecorded),
    ],
)
def test_what_happened_to_a_lead_becomes_an_event(kind: Kind, document: dict[str, Any], event_type: type) -> None:
    row = item(kind, email="ada@example.com", id="x-1", occurred_at="2026-03-02T09:00:00Z", **document).row(OURS)
    event = BY_NAME[row.topic].decode(row.value)
    assert isinstance(event, event_type)
    assert event.data.occurred_at == NOW - timedelta(minutes=30)
    assert event.data.to_dict()[f"{kind}_id"] == "x-1"


def test_a_reps_own_call_is_a_touch_that_was_sent_by_a_person() -> None:
    row = item("touch", email="ada@example.com", channel="call").row(OURS)
    event = BY_NAME[row.topic].decode(row.value)
    assert isinstance(event, TouchRecorded)
    assert (event.status, event.data.human) == ("sent", True)


@pytest.mark.parametrize(
    ("kind", "document", "where"),
    [
        ("signal", {"email": "ada@example.com"}, "/signal"),
        ("signal", {"email": "ada@example.com", "signal": "sneeze"}, "/signal"),
        ("signal", {"signal": "call"}, "/email"),
        ("outcome", {"email": "ada@example.com", "outcome": "lost"}, "/reason"),
        ("outcome", {"email": "ada@example.com", "outcome": "returned", "reason": " "}, "/reason"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "value": -1}, "/value"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "value": "NaN"}, "/value"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "value": "1e-999999"}, "/value"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "value": "1e999999"}, "/value"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "value": "1000000000000001"}, "/value"),
        ("outcome", {"email": "ada@example.com", "outcome": "won", "currency": "euro"}, "/currency"),
        ("touch", {"email": "ada@example.com", "channel": "pigeon"}, "/channel"),
        ("touch", {"lead_id": "a b", "channel": "call"}, "/lead_id"),
    ],
)
def test_a_wrong_field_of_what_happened_is_named(kind: Kind, document: dict[str, Any], where: str) -> None:
    assert where in problems(kind, document)


def test_the_channels_own_id_tells_a_repeat_better_than_an_idempotency_key() -> None:
    by_id = READERS["lead"]({"email": "ada@example.com", "id": "7"}, context(key="k"))
    by_key = READERS["lead"]({"email": "ada@example.com"}, context(key="k"))
    neither = READERS["lead"]({"email": "ada@example.com"}, context())
    assert by_id.repeat is not None
    assert by_key.repeat is not None
    assert (by_id.repeat.external_id, by_key.repeat.external_id) == ("7", "idempotency-key:k")
    assert neither.repeat is None


def test_the_same_id_from_another_source_is_another_submission() -> None:
    one, other = (item("lead", email="ada@example.com", id="7", source=source) for source in ("fair", "shop"))
    assert one.repeat != other.repeat


@pytest.mark.parametrize("value", [0, 0.1 + 0.2, "1e15", "1200.50", 10**15])
def test_an_amount_is_taken_as_any_program_writes_it(value: Any) -> None:
    assert item("outcome", email="ada@example.com", outcome="won", value=value).data.value == Decimal(str(value))  # type: ignore[attr-defined]  # an outcome's


def test_what_repeats_are_told_by_fits_the_key_of_a_table() -> None:
    ids: dict[str, Any] = {"id": "\U0001f980" * 200, "channel": "c" * 100}
    one, same, other = (
        item("lead", email="ada@example.com", source="\U0001f980" * 900 + end, **ids).repeat for end in "aab"
    )
    assert one is not None
    assert one == same != other
    assert len("".join(one).encode()) < 2_700


@given(st.lists(st.text() | st.integers(0, 99), max_size=5))
def test_a_json_pointer_leads_back_to_its_place(place: list[str | int]) -> None:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer(place).split("/")[1:]]
    assert steps == [str(step) for step in place]


@given(st.dictionaries(st.text(min_size=1), st.integers(), min_size=1, max_size=5))
def test_every_unknown_field_is_pointed_at(extra: dict[str, int]) -> None:
    extra = {f"x-{name}": value for name, value in extra.items()}
    assert set(problems("lead", {"email": "ada@example.com", **extra})) == {pointer([name]) for name in extra}
