"""Which lead an operator means: by its id, an email address or a phone number, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import LiteralString

from cli.context import POSTGRES, CommandFailed, Stack, database, required
from cli.log import Log
from cli.policies import Published, read_policies
from policy import Identity
from services.capture.domain.identity import Identifiers, Key, find_keys

LEAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
OURS = re.compile(r"[0-9a-f]{32}")
"""An id that capture gave; see `services.capture.ids`."""

_FIND: LiteralString = """
    select k.kind, k.value, i.lead_id
    from unnest(%s::text[], %s::text[]) as k (kind, value)
    join identities i on i.kind = k.kind and i.value = k.value
    union all
    select 'lead_id', l.id, l.id
    from unnest(%s::text[]) as l (id)
    where exists (select from identities i where i.lead_id = l.id)
"""


async def find_lead(stack: Stack, log: Log, text: str) -> str:
    """The id of the lead that `text` names.

    Raises:
        CommandFailed: it names none.
    """
    text = text.strip()
    if OURS.fullmatch(text):
        return text
    policies = await read_policies(log)
    keys = keys_of(text, rules_of(policies))
    if not keys:
        raise CommandFailed(_nothing(text))
    required(POSTGRES)
    async with database(stack.settings, "capture") as connection:
        ids = [key.value for key in keys if key.kind == "lead_id"]
        kinds, values = [key.kind for key in keys], [key.value for key in keys]
        rows = await (await connection.execute(_FIND, (kinds, values, ids))).fetchall()
    found = {Key(kind, value): lead for kind, value, lead in rows}
    for key in keys:
        if key in found:
            return str(found[key])
    if LEAD_ID.fullmatch(text):
        return text  # capture has forgotten it, or never knew it; the log may still tell
    raise CommandFailed(
        "no lead has this address or number. If it was just sent, look whether it was refused: `leadstream rejected`"
    )


def rules_of(policies: Iterable[Published]) -> list[Identity]:
    """Every set of identity rules that was ever published, the latest first."""
    rules: list[Identity] = []
    for published in reversed(list(policies)):
        if published.policy is not None and published.policy.identity not in rules:
            rules.append(published.policy.identity)
    return rules


def keys_of(text: str, rules: Sequence[Identity]) -> list[Key]:
    """The keys under which capture may know who `text` names, the likeliest first.

    A phone number without a country code is taken for one of the policy's default region.
    """
    lead_id = text if LEAD_ID.fullmatch(text) else None
    is_email = "@" in text
    who = Identifiers(email=text if is_email else None, phone=None if is_email else text, lead_id=lead_id)
    found = [key for each in rules for key in find_keys(who, each).keys]
    if lead_id and not rules:
        found.append(Key("lead_id", lead_id))
    return list(dict.fromkeys(found))


def _nothing(text: str) -> str:
    if "@" in text:
        return "this is no email address that the policy tells leads apart by; name the lead id instead"
    return f"`{text}` is no lead id, no email address and no phone number with its country code, such as +442079460958"
