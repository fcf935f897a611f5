"""Refused input is kept whole, in records that Kafka takes, and without credentials."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import InputRejected
from schemas.events.captured import Attribution
from schemas.topics import REJECTED
from services.capture.domain.inputs import LONGEST_ANSWERS
from services.capture.domain.items import REJECTED_BYTES, Refusal, kept_headers
from tests.unit.capture.capture_cases import item, received
from tests.unit.capture.test_capture_inputs import OURS

KAFKA_RECORD = 1_000_000


def parts(refusal: Refusal) -> list[InputRejected]:
    events = []
    for row in refusal.rows():
        assert len(row.value) < KAFKA_RECORD
        event = REJECTED.decode(row.value)
        assert isinstance(event, InputRejected)
        events.append(event)
    return events


@given(st.binary(max_size=300))
def test_the_bytes_come_back_as_they_were(body: bytes) -> None:
    (event,) = parts(Refusal(received(1, body), "malformed_json", "no"))
    assert (event.data.body, event.subject) == (body, "sub-1")


@pytest.mark.parametrize("size", [REJECTED_BYTES, REJECTED_BYTES + 1, 4 * 1_048_576])
def test_a_long_body_is_kept_in_several_events(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)
    events = parts(Refusal(received(1, body), "malformed_json", "no"))
    assert b"".join(event.data.body for event in events) == body
    assert len({event.id for event in events}) == len(events) == -(-size // REJECTED_BYTES)


def test_credentials_are_left_out_of_the_headers() -> None:
    headers = {"Authorization": "Bearer s3cret", "Cookie": "s3cret", "X-API-Key": "s3cret", "User-Agent": "curl"}
    assert kept_headers(headers) == {"user-agent": "curl"}


@given(st.dictionaries(st.text(), st.text(), max_size=60))
def test_any_headers_fit_the_record(headers: dict[str, str]) -> None:
    (event,) = parts(Refusal(received(1, b"x", headers=headers), "malformed_json", "no"))
    assert len(event.data.headers) <= 40


def test_the_largest_lead_that_is_accepted_fits_a_record() -> None:
    worst = "\x01"  # one character that takes six bytes in JSON
    names = ("name", "given_name", "family_name", "phone", "title", "linkedin_url")
    person: dict[str, Any] = dict.fromkeys(names, worst * 1_000)
    lead = item(
        "lead",
        email="ada@example.com",
        **person,
        message=worst * 20_000,
        answers={str(number): worst * (LONGEST_ANSWERS // 5 - 1) for number in range(5)},
        company=dict.fromkeys(("name", "website", "industry", "country", "region"), worst * 1000),
        attribution=dict.fromkeys(Attribution.__struct_fields__, worst * 1_000),
        consent={"wording": worst * 20_000},
    )
    assert len(lead.row(OURS).value) < KAFKA_RECORD
