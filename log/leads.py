"""Finds the lead that somebody means: by its id, an email address or a phone number, in any spelling.

Who is who is known to capture. How capture normalises what it is told, and where it keeps it, is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from log.errors import UnknownLead
from log.policies import PublishedPolicy
from policy import Identity

LEAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
GENERATED_ID = re.compile(r"[0-9a-f]{32}")
"""An id that capture gave; see `services.capture.ids`."""

Key = TypeVar("Key")
"""An identity key as capture stores it."""
KeysOf = Callable[[str, Sequence[Identity]], Sequence[Key]]
"""Gives the keys under which a lead may be known by a text, the likeliest first."""
LeadsOf = Callable[[Sequence[Key]], Awaitable[Mapping[Key, str]]]
"""Looks up the ids of the leads that have these keys; keys that nobody has are left out."""


async def find_lead(
    text: str, policies: Iterable[PublishedPolicy], keys_of: KeysOf[Key], leads_of: LeadsOf[Key]
) -> str:
    """Gives the id of the lead that `text` names.

    Raises:
        UnknownLead: it names none.
    """
    text = text.strip()
    if GENERATED_ID.fullmatch(text):
        return text
    keys = keys_of(text, identity_rules(policies))
    if not keys:
        raise UnknownLead(_unreadable(text))
    leads = await leads_of(keys)
    for key in keys:
        if key in leads:
            return leads[key]
    if LEAD_ID.fullmatch(text):
        return text  # capture has forgotten it, or never knew it; there may still be events of it
    raise UnknownLead(
        "no lead has this address or number. If it was just sent, look whether it was refused: `leadstream rejected`"
    )


def identity_rules(policies: Iterable[PublishedPolicy]) -> list[Identity]:
    """Gives every set of identity rules that was ever published, the latest first."""
    rules: list[Identity] = []
    for published in reversed(list(policies)):
        if published.policy is not None and published.policy.identity not in rules:
            rules.append(published.policy.identity)
    return rules


def _unreadable(text: str) -> str:
    if "@" in text:
        return "this is no email address that the policy tells leads apart by; name the lead id instead"
    return f"`{text}` is no lead id, no email address and no phone number with its country code, such as +442079460958"
