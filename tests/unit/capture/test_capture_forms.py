"""Forms are taken as people build them: any names, any order, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.capture.domain.errors import InvalidInput
from services.capture.domain.fields import ALIASES, target_of
from services.capture.domain.forms import lead_document, value_of
from services.capture.domain.submissions import lead_item
from tests.unit.capture.capture_cases import context

text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)


def test_known_fields_find_their_place_and_all_others_become_answers() -> None:
    document = lead_document(
        [
            ("First Name", "Ada"),
            ("your-email", "ada@example.com"),
            ("Company", "Engines"),
            ("number_of_employees", "1,200"),
            ("utm_campaign", "spring"),
            ("newsletter", "on"),
            ("shoe size", "38"),
            ("_key", "public"),
            ("_source", "contact page"),
            ("_id", "form-7"),
        ]
    )
    assert document == {
        "given_name": "Ada",
        "email": "ada@example.com",
        "company": {"name": "Engines", "employees": 1200},
        "attribution": {"utm_campaign": "spring"},
        "consent": {"marketing": True},
        "answers": {"shoe size": "38"},
        "source": "contact page",
        "id": "form-7",
    }


@pytest.mark.parametrize("alias", sorted({alias for aliases in ALIASES.values() for alias in aliases}))
def test_every_alias_means_one_field(alias: str) -> None:
    assert [target for target, aliases in ALIASES.items() if alias in aliases] == [target_of(alias)]


@pytest.mark.parametrize("target", sorted(ALIASES))
def test_every_field_is_known_by_its_own_name(target: str) -> None:
    assert target_of(target) == target


def test_several_values_of_one_name_are_joined_once_each() -> None:
    assert lead_document([("topic", "a"), ("topic", "b"), ("topic", "a")]) == {"answers": {"topic": "a, b"}}


def test_two_fields_that_mean_the_same_are_both_kept() -> None:
    document = lead_document([("email", "ada@example.com"), ("work email", "ada@work.example")])
    assert document == {"email": "ada@example.com", "answers": {"work email": "ada@work.example"}}


def test_what_a_field_can_not_hold_is_kept_as_an_answer() -> None:
    document = lead_document([("employees", "11-50"), ("company", "x" * 1_001), ("date", "tomorrow")])
    assert document == {"answers": {"employees": "11-50", "company": "x" * 1_001, "date": "tomorrow"}}


@pytest.mark.parametrize("said", ["", "0", "no", "off", "FALSE", "Nein"])
def test_a_box_that_says_no_is_no_consent(said: str) -> None:
    document = lead_document([("email", "ada@example.com"), ("consent", said)])
    assert document.get("consent", {"marketing": None}) != {"marketing": True}


@pytest.mark.parametrize("fields", [[], [("name", "")], [("name", " \t"), ("_key", "k")]])
def test_an_empty_form_is_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput) as refused:
        lead_document(fields)
    assert refused.value.reason == "empty"


def test_json_sent_as_a_form_is_recognised() -> None:
    with pytest.raises(InvalidInput, match="Content-Type: application/json"):
        lead_document([('{"email": "ada@example.com"}', "")])
    with pytest.raises(InvalidInput, match="Content-Type: application/json"):
        lead_document([('{"url": "https://example.com/?a', 'b"}')])


def test_control_characters_are_dropped_and_line_breaks_kept() -> None:
    assert lead_document([("message", "a\x00b\r\nc\x1b")]) == {"message": "ab\r\nc"}


@given(st.lists(st.tuples(text, text), min_size=1, max_size=12))
def test_no_value_of_a_form_is_lost(fields: list[tuple[str, str]]) -> None:
    kept = repr(lead_document([(f"q {name}"[:200], value) for name, value in fields]))
    assert all(repr(value.strip())[1:-1] in kept or value.strip() in kept for _, value in fields)


@given(st.lists(st.tuples(text, text), max_size=8))
def test_a_form_with_an_address_is_always_accepted(fields: list[tuple[str, str]]) -> None:
    known = [(name, value) for name, value in fields if target_of(name) is None and not name.startswith(("_", "{"))]
    assert (
        lead_item(lead_document([("email", "ada@example.com"), *known]), context()).keys[0].value == "ada@example.com"
    )


def test_a_reserved_field_is_found_or_empty() -> None:
    assert (value_of([("_key", " k ")], "_key"), value_of([], "_key")) == ("k", "")
