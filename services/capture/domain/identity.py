"""Identity keys: different spellings of one email address, or of one phone number, give one key."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

import idna
import phonenumbers

from policy import Identity
from services.capture.domain.countries import region_of

KeyKind = Literal["lead_id", "email", "phone", "external_id"]


class Key(NamedTuple):
    """One identifier, normalised. No two leads have the same."""

    kind: KeyKind
    value: str


LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
LONGEST_LOCAL_PART = 64

_LOCAL_PART = re.compile(r'[^\s@<>()\[\]\\,;:"\x00-\x1f\x7f]+')
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")
_SCHEME = re.compile(r"^\s*(?:mailto|tel|phone)\s*:\s*", re.IGNORECASE)
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))


class Address(NamedTuple):
    """An email address in parts: lower case, the domain in its ASCII form."""

    local: str
    domain: str


def parse_email(text: str) -> Address | None:
    """Reads an email address; None when it is none. Accepts `mailto:`, surrounding space and `<…>`."""
    text = text.strip() if text.isascii() else unicodedata.normalize("NFKC", text.translate(_ZERO_WIDTH)).strip()
    if ":" in text:
        text = _SCHEME.sub("", text)
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    local, _, domain = text.rpartition("@")
    if len(text) > LONGEST_ADDRESS or len(local) > LONGEST_LOCAL_PART or not _LOCAL_PART.fullmatch(local):
        return None
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    ascii_domain = _ascii_domain(domain)
    return Address(local.lower(), ascii_domain) if ascii_domain else None


def _ascii_domain(domain: str) -> str | None:
    domain = domain.removesuffix(".").lower()
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else None


def email_key(text: str, rules: Identity) -> str | None:
    """The normalised form under which an email address is compared; None when it is no address.

    Names are compared without regard to case. At the free-mail providers that the policy lists, dots and tags that
    the provider ignores are dropped, and domains that share their mailboxes count as one.
    """
    address = parse_email(text)
    return _mailbox(address, rules) if address else None


def _mailbox(address: Address, rules: Identity) -> str:
    local, domain = address
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
    """The number in E.164, with `x` and the extension where it has one; None when no number can be read.

    An extension belongs to one person behind a shared number, so it is part of the key. A number without a country
    code is taken for one of `country` (a name or an ISO 3166-1 code), or else of the policy's default region.
    """
    region = (region_of(country) if country else None) or rules.default_phone_region
    return _e164(text, region)


@lru_cache(maxsize=4_096)
def _e164(text: str, region: str) -> str | None:
    # NFKC turns full-width digits and plus signs into those that the parser's "international" test knows.
    plain = _SCHEME.sub("", unicodedata.normalize("NFKC", text)).strip()
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    # A possible number, not an assigned one: tables of assigned ranges are always behind the world.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if _made_up(phonenumbers.national_significant_number(number)):
        return None
    extension = f"x{number.extension}" if number.extension else ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension


def _made_up(digits: str) -> bool:
    """Whether someone typed any number to get past a field: 0000000000, 1234567890. It would unite strangers."""
    return len(set(digits)) <= 2 or digits in "012345678901234567890" or digits in "098765432109876543210"


def identifies(address: Address, rules: Identity) -> bool:
    """Whether the policy lets this address say that two submissions are one lead."""
    if not rules.match_on_email:
        return False
    return rules.match_role_addresses or address.local.split("+", 1)[0] not in rules.role_prefixes


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
        address = parse_email(who.email)
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
