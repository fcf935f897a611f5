"""Identity keys: different spellings of one email address, or of one phone number, give one key."""

from __future__ import annotations

from typing import Literal, NamedTuple

from phonenumbers import SUPPORTED_REGIONS

from policy import Identity
from policy.reading.countries import read_country
from policy.reading.email import Address, read_email
from policy.reading.phone import read_number

KeyKind = Literal["lead_id", "email", "phone", "external_id"]


class Key(NamedTuple):
    """One identifier, normalised. No two leads have the same."""

    kind: KeyKind
    value: str


def email_key(text: str, rules: Identity) -> str | None:
    """Gives the normalised form under which an email address is compared; None when it is no address.

    Names are compared without regard to case. At the free-mail providers that the policy lists, dots and tags that
    the provider ignores are dropped, and domains that share their mailboxes count as one.
    """
    address = read_email(text)
    return _mailbox(address, rules) if address else None


def _mailbox(address: Address, rules: Identity) -> str:
    local, domain = address.local.lower(), address.domain
    provider = rules.provider(domain)
    if provider is not None:
        if provider.one_mailbox:
            domain = provider.domains[0]
        if provider.tag_separator:
            local = local.split(provider.tag_separator, 1)[0] or local
        if provider.ignore_dots:
            local = local.replace(".", "") or local
    return f"{local}@{domain}"


def phone_key(text: str, rules: Identity, country: str | None = None) -> str | None:
    """Gives the number in E.164, with `x` and the extension where it has one; None when no number can be read.

    An extension belongs to one person behind a shared number, so it is part of the key. A number without a country
    code is taken for one of `country` (a name or an ISO 3166-1 code), or else of the policy's default region.
    """
    known = read_country(country) if country else None
    number = read_number(text, known if known in SUPPORTED_REGIONS else rules.default_phone_region)
    if number is None or _made_up(number.national):
        return None
    return f"{number.e164}x{number.extension}" if number.extension else number.e164


def _made_up(digits: str) -> bool:
    """Tells whether someone typed any number to get past a field: 0000000000, 1234567890. It would unite strangers."""
    return len(set(digits)) <= 2 or digits in "012345678901234567890" or digits in "098765432109876543210"


def identifies(address: Address, rules: Identity) -> bool:
    """Tells whether the policy lets this address say that two submissions are one lead."""
    if not rules.match_on_email:
        return False
    return rules.match_role_addresses or address.local.lower().split("+", 1)[0] not in rules.role_prefixes


class Identifiers(NamedTuple):
    """What a submission says of who it is from, as written."""

    email: str | None = None
    phone: str | None = None
    external_ids: tuple[tuple[str, str], ...] = ()
    lead_id: str | None = None
    country: str | None = None


class FoundKeys(NamedTuple):
    """The keys in order of precedence, and the fields that could not be read."""

    keys: tuple[Key, ...]
    contactable: bool
    """True when there is an address, a number or an id, even one that the policy does not match on."""
    unreadable: tuple[Literal["email", "phone"], ...]


def find_keys(who: Identifiers, rules: Identity) -> FoundKeys:
    """Normalises a submission's identifiers. Precedence: lead id, email, phone, external ids."""
    keys: list[Key] = [Key("lead_id", who.lead_id)] if who.lead_id else []
    unreadable: list[Literal["email", "phone"]] = []
    contactable = bool(keys or who.external_ids)
    if who.email:
        address = read_email(who.email)
        if address is None:
            unreadable.append("email")
        else:
            contactable = True
            if identifies(address, rules):
                keys.append(Key("email", _mailbox(address, rules)))
    if who.phone:
        number = phone_key(who.phone, rules, who.country)
        if number is None:
            unreadable.append("phone")
        else:
            contactable = True
            if rules.match_on_phone and number not in rules.shared_phones:
                keys.append(Key("phone", number))
    keys += [Key("external_id", f"{system}:{value}") for system, value in sorted(who.external_ids)]
    return FoundKeys(tuple(keys), contactable, tuple(unreadable))
