"""One address and one number in the many ways that people write them, right and wrong."""

from __future__ import annotations

from random import Random

import phonenumbers
from phonenumbers import PhoneNumberFormat

from demo.world import World

DOTS_DONT_COUNT = frozenset({"gmail.com"})
TAGS_DONT_COUNT = frozenset({"gmail.com", "outlook.com", "hotmail.com", "icloud.com"})
CALLED_BY_00 = frozenset({"GB", "DE", "AT", "CH", "NL", "FR", "ES", "IT", "SE", "IN"})
"""Countries in which an international number may begin with 00 instead of +."""


def email_spelling(address: str, rng: Random) -> str:
    """Another spelling of the same mailbox."""
    local, _, domain = address.partition("@")
    ways = [
        f"{local.upper()}@{domain}",
        f"{local.title()}@{domain.title()}",
        f"  {address} ",
        f"<{address}>",
        f"mailto:{address}",
    ]
    if domain in TAGS_DONT_COUNT:
        ways += [f"{local}+leads@{domain}", f"{local}+{rng.randint(1, 99)}@{domain}"]
    if domain in DOTS_DONT_COUNT:
        dotless = local.replace(".", "")
        ways += [f"{dotless}@{domain}", f"{dotless[:2]}.{dotless[2:]}@googlemail.com", f"{local}@googlemail.com"]
    return rng.choice(ways)


def phone_spelling(number: str, country: str, rng: Random) -> str:
    """Another spelling of the same E.164 number. It may lack the country code: say the country along with it."""
    parsed = phonenumbers.parse(number)
    international = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    ways = [
        number,
        international,
        international.replace(" ", "-"),
        international.replace(" ", "."),
        f"tel:{number}",
        national,
        national.replace(" ", ""),
        national.replace(" ", "/", 1),
    ]
    if country in CALLED_BY_00:
        ways.append("00" + international[1:])
    return rng.choice(ways)


def misspelt_email(address: str, world: World, rng: Random) -> str | None:
    """The address with a slip of the finger in a well-known domain; None where there is none."""
    local, _, domain = address.partition("@")
    slips = world.misspelt.get(domain)
    return f"{local}@{rng.choice(slips)}" if slips else None


def clumsy(text: str, rng: Random) -> str:
    """A name typed in a hurry: all small, all capitals, two letters swapped, or with a space too many."""
    at = rng.randrange(len(text) - 1)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return rng.choice((text.lower(), text.upper(), swapped, f" {text}  ", text.replace(" ", "  ")))
