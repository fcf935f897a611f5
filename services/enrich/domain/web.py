"""Domains of mail and web addresses: what a company could own, and what it can't."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from policy.reading.text import clean
from services.enrich.domain.tables import words_in

_HOST = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_LONGEST_HOST = 253
_RESERVED = frozenset({"example", "test"})
"""Top-level domains set aside for documentation and tests (RFC 2606): nobody's, and harmless."""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@lru_cache(maxsize=16_384)
def host_name(text: str) -> str | None:
    """The host in its ASCII form, lower case; None when it is not a name that DNS could know."""
    host = text.strip().strip(".").lower()
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host)
        if len(host) > _LONGEST_HOST:  # encoding takes the square of the length
            return None
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    if not _HOST.fullmatch(host):
        return None
    # Some top-level domains (za) only lend out names below theirs, so that they are no public suffix themselves.
    known = _is_suffix(host.rsplit(".", 1)[-1]) or _suffixes().publicsuffix(host)
    return host if known else None


@lru_cache(maxsize=2048)
def _is_suffix(top: str) -> bool:
    """Whether names are registered directly below a top-level domain."""
    return top in _RESERVED or bool(_suffixes().publicsuffix(top))


@lru_cache(maxsize=16_384)
def registered_domain(host: str) -> str | None:
    """The part somebody registered: `acme.co.uk` of `mail.acme.co.uk`. None for a public suffix itself."""
    if host.rsplit(".", 1)[-1] in _RESERVED:
        return ".".join(host.split(".")[-2:])
    found: str | None = _suffixes().privatesuffix(host)
    return found


@lru_cache(maxsize=4096)
def website_domain(text: str | None) -> str | None:
    """The registered domain of a web address, however it is written.

    None when it is no address, or one on a platform where many have a page.
    """
    cleaned = clean(text)
    if cleaned is None or "@" in cleaned or " " in cleaned:
        return None
    try:
        host = urlsplit(cleaned if "://" in cleaned else f"//{cleaned}").hostname
    except ValueError:
        return None
    known = host_name(host) if host else None
    domain = registered_domain(known) if known else None
    return None if domain is None or domain in words_in("platforms.txt")[""] else domain


def domain_label(domain: str) -> str:
    """The name within a registered domain: `acme` of `acme.co.uk`."""
    return domain.split(".", 1)[0]
