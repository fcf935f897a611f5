"""Email addresses: from what people write to the part before the @ and the domain."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache, partial
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
LONGEST_DOMAIN = 253

_SCHEME = re.compile(r"^\s*(?:mailto|tel|phone)\s*:\s*", re.IGNORECASE)
_BRACKETED = re.compile(r"<\s*([^<>]+?)\s*>")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_BEFORE, _AFTER = " \t\r\n,;:'\"", " \t\r\n.,;:'\""
"""What is left of a list or a sentence around an address."""

_PLAIN_LOCAL_PART = re.compile(r"(?=.{1,32}$)[\w+'-]+(?:\.[\w+'-]+)*")
"""What nearly every address has before the @: after NFKC, the library accepts it without a change."""

_checked = partial(
    validate_email,
    strict=True,  # with the length of the part before the @
    check_deliverability=False,  # that would ask a name server
    test_environment=True,  # .test, which nobody owns, serves to try things out
)


class Address(NamedTuple):
    """An email address in parts: the name as it was written, the domain in its ASCII form and lower case."""

    local: str
    domain: str


def read_email(text: str) -> Address | None:
    """Reads an email address; None when it is none.

    `mailto:`, a name before `<…>`, space and punctuation around the address are left out.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_ZERO_WIDTH))
    if "<" in text and (bracketed := _BRACKETED.search(text)) is not None:
        text = bracketed[1]
    if ":" in text:
        text = _SCHEME.sub("", text)
    local, _, domain = text.lstrip(_BEFORE).rstrip(_AFTER).rpartition("@")
    local, domain = local.rstrip(" "), domain.lstrip(" ")
    if not local or len(domain) > LONGEST_DOMAIN or len(local) + len(domain) >= LONGEST_ADDRESS:
        return None
    ascii_domain = _ascii_domain(domain.lower())
    if ascii_domain is None:
        return None
    name = _local_part(local, ascii_domain)
    return Address(name, ascii_domain) if name else None


def _local_part(local: str, domain: str) -> str | None:
    if _PLAIN_LOCAL_PART.fullmatch(local):
        return local
    try:
        return _checked(f"{local}@{domain}").local_part
    except EmailNotValidError:
        return None


@lru_cache(maxsize=16_384)
def _ascii_domain(domain: str) -> str | None:
    """The form that DNS knows. Remembered, as reading a whole address takes the library 30 to 140 µs."""
    try:
        found = _checked(f"a@{domain}").ascii_domain
    except EmailNotValidError:
        return None
    return found.lower() if found else None
