"""Finding the lead that somebody means, with the lookup handed in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from log.errors import UnknownLead
from log.leads import find_lead
from log.policies import PublishedPolicy
from policy import Identity
from tests.support import story
from tests.support.harness import POLICY

POLICIES = [PublishedPolicy(story.published(), POLICY)]
KNOWN = {"email:ada@example.com": story.LEAD, "phone:1": "by-phone"}


def keys_of(text: str, rules: Sequence[Identity]) -> list[str]:
    assert rules == [POLICY.identity]
    return text.split()


async def leads_of(keys: Sequence[str]) -> dict[str, str]:
    return {key: KNOWN[key] for key in keys if key in KNOWN}


async def find(text: str) -> str:
    return await find_lead(text, POLICIES, keys_of, leads_of)


async def test_the_likeliest_key_that_is_known_decides() -> None:
    assert await find("email:nobody@example.com email:ada@example.com phone:1") == story.LEAD
    assert await find("phone:1 email:ada@example.com") == "by-phone"


async def test_a_generated_id_is_taken_as_it_is() -> None:
    assert await find(f" {'0f' * 16} ") == "0f" * 16


async def test_an_id_that_nobody_knows_may_still_have_events() -> None:
    assert await find("crm-4711") == "crm-4711"


@pytest.mark.parametrize(
    ("text", "said"),
    [("email:nobody@example.com", "no lead has this address or number"), ("", "no lead id, no email address")],
)
async def test_what_names_no_lead_is_refused_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(UnknownLead, match=said):
        await find(text)
