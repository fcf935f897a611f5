"""Which lead an item belongs to: the same whether items come one by one or many at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import InputRejected, LeadCaptured
from schemas.topics import BY_NAME
from services.capture.domain.identity import Key
from services.capture.domain.items import Item, Kind, Refusal, Repeat, Row
from services.capture.domain.resolve import Resolution, Seen, resolve
from tests.unit.capture.capture_cases import item, received

ADA, BOB = Key("email", "ada@example.com"), Key("email", "bob@example.com")
LINE = Key("phone", "+442079460018")


def captured(row: Row) -> LeadCaptured:
    event = BY_NAME[row.topic].decode(row.value)
    assert isinstance(event, LeadCaptured)
    return event


def test_unknown_keys_make_a_new_lead_that_has_them_all() -> None:
    one = item("lead", 1, email="ada@example.com", phone="020 7946 0018")
    made = resolve([one], {}, {})
    assert made.identities == {ADA: "lead-1", LINE: "lead-1"}
    assert (made.results[0].lead_id, made.results[0].new) == ("lead-1", True)
    assert captured(made.rows[0]).data.identity.new


def test_a_known_key_finds_its_lead_and_brings_it_the_others() -> None:
    one = item("lead", 1, email="ada@example.com", phone="020 7946 0018")
    made = resolve([one], {LINE: "old"}, {})
    identity = captured(made.rows[0]).data.identity
    assert made.identities == {ADA: "old"}
    assert (made.results[0].lead_id, made.results[0].new) == ("old", False)
    assert (identity.new, identity.matched_on, identity.conflicts) == (False, ("phone",), ())


def test_when_two_identifiers_belong_to_two_leads_the_emails_lead_wins_and_the_other_is_named() -> None:
    one = item("lead", 1, email="ada@example.com", phone="020 7946 0018")
    made = resolve([one], {ADA: "by-email", LINE: "by-phone"}, {})
    identity = captured(made.rows[0]).data.identity
    assert made.results[0].lead_id == "by-email"
    assert (identity.matched_on, identity.conflicts) == (("email",), ("by-phone",))
    assert made.identities == {}


def test_items_of_one_batch_that_share_a_key_are_one_lead() -> None:
    batch = [
        item("lead", 1, email="ada@example.com"),
        item("lead", 2, email="ADA@example.com", phone="020 7946 0018"),
        item("lead", 3, phone="+44 20 7946 0018"),
    ]
    made = resolve(batch, {}, {})
    assert [result.lead_id for result in made.results] == ["lead-1"] * 3
    assert [result.new for result in made.results] == [True, False, False]


def test_a_signal_finds_the_lead_that_came_before_it_in_the_batch() -> None:
    batch = [
        item("lead", 1, email="ada@example.com"),
        item("signal", 2, email="ada@example.com", signal="call"),
        item("signal", 3, lead_id="lead-1", signal="call"),
    ]
    assert [result.lead_id for result in resolve(batch, {}, {}).results] == ["lead-1"] * 3


@pytest.mark.parametrize("kind", ["signal", "outcome", "touch"])
def test_what_happened_to_an_unknown_lead_is_kept_as_rejected(kind: Kind) -> None:
    fields = {"signal": {"signal": "call"}, "outcome": {"outcome": "won"}, "touch": {"channel": "call"}}[kind]
    one = item(kind, 1, email="ada@example.com", id="7", **fields)
    made = resolve([one], {}, {})
    assert made.results[0].outcome == "unknown_lead"
    assert (made.identities, made.repeats) == ({}, {})
    event = BY_NAME[made.rows[0].topic].decode(made.rows[0].value)
    assert isinstance(event, InputRejected)
    assert (event.data.reason, event.data.body) == ("unknown_lead", one.received.body)


def test_a_lead_id_that_nobody_has_is_unknown_even_beside_a_known_address() -> None:
    one = item("lead", 1, lead_id="gone", email="ada@example.com")
    assert resolve([one], {ADA: "old"}, {}).results[0].outcome == "unknown_lead"


def test_a_signal_gives_a_lead_no_new_keys() -> None:
    one = item("signal", 1, email="ada@example.com", phone="020 7946 0018", signal="call")
    made = resolve([one], {LINE: "old"}, {})
    assert (made.results[0].lead_id, made.identities) == ("old", {})


def test_a_repeat_gives_the_same_ids_and_emits_nothing() -> None:
    one = item("lead", 1, email="ada@example.com", id="7")
    assert one.repeat is not None
    before = {one.repeat: Seen("sub-0", "lead-0")}
    made = resolve([one], {ADA: "lead-0"}, before)
    assert (made.results[0].submission_id, made.results[0].lead_id) == ("sub-0", "lead-0")
    assert (made.rows, made.identities, made.repeats) == ([], {}, {})


def test_a_repeat_within_one_batch_is_accepted_once() -> None:
    twice = [item("lead", number, email="ada@example.com", id="7") for number in (1, 2)]
    made = resolve(twice, {}, {})
    assert [result.outcome for result in made.results] == ["accepted", "duplicate"]
    assert made.results[1].submission_id == "sub-1"
    assert len(made.rows) == 1


def test_a_lead_that_the_policy_matches_on_nothing_is_found_by_its_id() -> None:
    one = replace(item("lead", 1, email="info@example.com"), keys=())
    assert resolve([one], {}, {}).identities == {Key("lead_id", "lead-1"): "lead-1"}


def test_a_refusal_is_kept_and_touches_nobody() -> None:
    made = resolve([Refusal(received(1, b"\xff"), "wrong_charset", "not UTF-8")], {}, {})
    assert made.results[0].outcome == "refused"
    assert (made.identities, len(made.rows)) == ({}, 1)


people = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["a@example.com", "b@example.com", "c@example.com"]),
        "phone": st.sampled_from(["020 7946 0018", "020 7946 0019", "020 7946 0020"]),
        "external_ids": st.sampled_from([{"crm": "1"}, {"crm": "2"}]),
        "id": st.sampled_from(["1", "2", "3"]),
    },
).filter(lambda fields: fields.keys() - {"id"})


@st.composite
def batches(draw: st.DrawFn) -> list[Item]:
    kinds = draw(st.lists(st.sampled_from(["lead", "lead", "signal"]), min_size=1, max_size=12))
    return [
        item(kind, number, **draw(people), **({"signal": "call"} if kind == "signal" else {}))  # type: ignore[arg-type]  # drawn from the kinds
        for number, kind in enumerate(kinds)
    ]


def one_by_one(items: list[Item], size: int) -> Resolution:
    """The same items in batches of `size`, each knowing what the ones before it stored."""
    whole = Resolution()
    known: dict[Key, str] = {}
    seen: dict[Repeat, Seen] = {}
    for start in range(0, len(items), size):
        part = resolve(items[start : start + size], known, seen)
        known.update(part.identities)
        known.update({Key("lead_id", lead): lead for lead in part.identities.values()})
        seen.update(part.repeats)
        whole.results += part.results
        whole.rows += part.rows
        whole.identities.update(part.identities)
        whole.repeats.update(part.repeats)
    return whole


@given(batches(), st.integers(1, 5))
def test_a_batch_is_decided_as_its_items_would_be_one_by_one(items: list[Item], size: int) -> None:
    assert resolve(items, {}, {}) == one_by_one(items, size) == one_by_one(items, 1)


@given(batches())
def test_no_item_is_lost_and_no_key_belongs_to_two_leads(items: list[Item]) -> None:
    made = resolve(items, {}, {})
    assert len(made.results) == len(items)
    duplicates = sum(result.outcome == "duplicate" for result in made.results)
    assert len(made.rows) == len(items) - duplicates
    for each, result in zip(items, made.results, strict=True):
        if result.outcome == "accepted" and each.kind == "lead":
            owners = {made.identities[key] for key in each.keys}
            assert result.lead_id in owners
            assert made.identities[each.keys[0]] == result.lead_id
