"""What a touch says, and to whom."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from policy import MessageTemplate, MissingValue, Policy, Rep, TemplateChannel, render
from services.nurture.domain.limits import sender_address
from services.nurture.domain.state import Lead, Ownership

LONGEST_VALUE = 200
"""Characters of one value that are inserted: a name longer than that is no name."""

LONGEST_BODY = 20_000


class Message(NamedTuple):
    """Ready to go out. Everything here is personal data."""

    to: str
    subject: str | None
    body: str


class Unsendable(ValueError):
    """The message can't be written for this lead; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the message can't be written: {reason}")
        self.reason = reason


def address_for(channel: TemplateChannel, lead: Lead) -> str | None:
    """Where the lead is reached on `channel`; None when nowhere."""
    person = lead.person
    if channel == "email":
        return None if lead.profile.email_kind == "invalid" else person.email
    return person.linkedin_url if channel == "linkedin" else person.phone


def write(template: MessageTemplate, lead: Lead, owner: Ownership | None, policy: Policy) -> Message:
    """Fills in `template`.

    Raises:
        Unsendable: no address on that channel, a value without fallback is missing, or the text is too long.
    """
    to = address_for(template.channel, lead)
    if not to:
        raise Unsendable(f"no_address:{template.channel}")
    values = _values(lead, owner, policy)
    try:
        subject = render(template.subject, values) if template.subject else None
        body = render(template.body, values)
    except MissingValue as missing:
        raise Unsendable(f"missing_value:{missing.name}") from None
    if len(body) > LONGEST_BODY or len(subject or "") > 1_000:
        raise Unsendable("message_too_long")
    return Message(to, subject, body)


def _values(lead: Lead, owner: Ownership | None, policy: Policy) -> dict[str, str | None]:
    person, profile, sender = lead.person, lead.profile, policy.nurture.sender
    rep = _rep(owner, policy)
    owner_name = owner.rep_name if owner else None
    values = {
        "first_name": person.given_name,
        "last_name": person.family_name,
        "full_name": person.full_name,
        "title": profile.title,
        "company": profile.company,
        "industry": profile.industry,
        "country": profile.country,
        "source": lead.origin.source,
        "owner_name": owner_name,
        "owner_first_name": owner_name.split()[0] if owner_name and owner_name.split() else None,
        "owner_email": owner.rep_email if owner else None,
        "owner_phone": rep.phone if rep else None,
        "booking_link": (rep and rep.booking_link) or sender.booking_link,
        "unsubscribe_link": unsubscribe_link(owner, policy),
        "sender_company": sender.company,
        "sender_address": sender.address,
    }
    return {name: _on_one_line(value) for name, value in values.items()}


def _on_one_line(value: str | None) -> str | None:
    """`value` without line breaks, also those that `render` does not know; None when nothing is left."""
    return " ".join(value.split())[:LONGEST_VALUE] or None if value else None


def unsubscribe_link(owner: Ownership | None, policy: Policy) -> str:
    """A `mailto` (RFC 6068), which List-Unsubscribe (RFC 2369) takes: it needs no server of ours to work."""
    return f"mailto:{quote(sender_address(owner, policy.nurture), safe='@')}?subject=unsubscribe"


def _rep(owner: Ownership | None, policy: Policy) -> Rep | None:
    """The owner as the policy knows them; None when they have left it."""
    if owner is None or owner.rep is None:
        return None
    return next((rep for rep in policy.routing.reps if rep.id == owner.rep), None)
