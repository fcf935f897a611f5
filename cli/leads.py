"""The lead that an operator names, as capture knows it."""

from __future__ import annotations

from collections.abc import Sequence

from cli.context import POSTGRES, Stack, database, required
from log.leads import GENERATED_ID, LEAD_ID, find_lead
from log.policies import read_policies
from log.reader import Log
from policy import Identity
from services.capture.domain.identity import Identifiers, Key, find_keys
from services.capture.store import leads_of


async def lead_named(stack: Stack, log: Log, text: str) -> str:
    """Gives the id of the lead that `text` names: an id, an email address or a phone number.

    Raises:
        CommandFailed: nothing says where capture's database is.
        UnknownLead: it names none.
    """

    async def known(keys: Sequence[Key]) -> dict[Key, str]:
        required(POSTGRES)
        async with database(stack.settings, "capture") as connection:
            return await leads_of(connection, keys)

    # A generated id needs no rules to be read by.
    policies = [] if GENERATED_ID.fullmatch(text.strip()) else await read_policies(log)
    return await find_lead(text, policies, keys_of, known)


def keys_of(text: str, rules: Sequence[Identity]) -> list[Key]:
    """Gives the keys under which capture may know who `text` names, the likeliest first.

    A phone number without a country code is taken for one of the policy's default region.
    """
    lead_id = text if LEAD_ID.fullmatch(text) else None
    is_email = "@" in text
    who = Identifiers(email=text if is_email else None, phone=None if is_email else text, lead_id=lead_id)
    found = [key for each in rules for key in find_keys(who, each).keys]
    if lead_id and not rules:
        found.append(Key("lead_id", lead_id))
    return list(dict.fromkeys(found))
