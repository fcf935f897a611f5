"""What a message says: placeholders, fallbacks, and nothing that a lead's own words could do."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policy import MessageTemplate
from schemas.events import Profile
from services.nurture.domain.message import Unsendable, unsubscribe_link, write
from services.nurture.domain.state import Lead, Ownership, lead_of
from tests.unit.nurture.world import MONDAY, assigned, person, policy

POLICY = policy()
OWNER = Ownership(kind="owned", at=MONDAY, rep="lucia", rep_name="Lucía Romero", rep_email="Lucia+sales@example.com")


def email(body: str, subject: str = "Hi {first_name|there}") -> MessageTemplate:
    return MessageTemplate(id="it", channel="email", subject=subject, body=body)


def lead(**changed: str | None) -> Lead:
    return lead_of(assigned(person=person(**changed)).data)


def test_the_owner_s_and_the_company_s_values_are_filled_in() -> None:
    body = "{owner_name} ({owner_first_name}, {owner_email}) of {sender_company}, {sender_address}: {booking_link}"
    written = write(email(body), lead(), OWNER, POLICY)
    assert written.body == (
        "Lucía Romero (Lucía, Lucia+sales@example.com) of Example Ltd, 1 Example Street, London: "
        "https://example.com/book/lucia"
    )


def test_a_lead_without_owner_hears_from_the_company() -> None:
    written = write(email("{owner_name|Your team} {unsubscribe_link}"), lead(), None, POLICY)
    assert written.body == "Your team mailto:hello@example.com?subject=unsubscribe"


def test_the_unsubscribe_link_is_a_valid_mailto_whatever_the_address() -> None:
    assert unsubscribe_link(OWNER, POLICY) == "mailto:lucia%2Bsales@example.com?subject=unsubscribe"


def test_a_value_without_fallback_that_is_missing_stops_the_message() -> None:
    with pytest.raises(Unsendable) as missing:
        write(email("Dear {first_name}"), lead(given_name=None), OWNER, POLICY)
    assert missing.value.reason == "missing_value:first_name"


def test_a_name_that_looks_like_a_template_is_only_a_name() -> None:
    written = write(email("Dear {first_name}"), lead(given_name="{owner_email} {0.__class__} %s ${x}"), OWNER, POLICY)
    assert written.body == "Dear {owner_email} {0.__class__} %s ${x}"


@given(st.text(max_size=400).filter(lambda name: "\x00" not in name))
@example("Ada\x85Bcc: everybody@example.com")
@example("Ada\u2028Bcc: everybody@example.com")
@example(" \r\n ")
def test_no_name_adds_a_line_to_the_subject_or_grows_without_end(name: str) -> None:
    written = write(email("x", subject="Hi {first_name|there}!"), lead(given_name=name), OWNER, POLICY)
    assert written.subject is not None
    assert len(written.subject.splitlines()) == 1
    assert "\x00" not in written.subject
    assert len(written.subject) <= 210


def test_a_message_that_grows_too_long_is_not_sent() -> None:
    with pytest.raises(Unsendable, match="message_too_long"):
        write(email("{full_name}" * 1_000), lead(full_name="A" * 100), OWNER, POLICY)


@pytest.mark.parametrize(
    ("channel", "changed", "kind"),
    [
        ("email", {"email": None}, "business"),
        ("email", {}, "invalid"),
        ("linkedin", {"linkedin_url": None}, "business"),
        ("sms", {"phone": None}, "business"),
        ("call_task", {"phone": ""}, "business"),
    ],
)
def test_without_an_address_there_is_no_message(channel: str, changed: dict[str, str | None], kind: str) -> None:
    template = MessageTemplate.model_validate(
        {"id": "it", "channel": channel, "subject": "x" if channel == "email" else None, "body": "x"}
    )
    told = assigned(person=person(**changed), profile=Profile.from_dict({"email_kind": kind})).data
    with pytest.raises(Unsendable, match=f"no_address:{channel}"):
        write(template, lead_of(told), OWNER, POLICY)
