"""Companies: the name as a person would write it, and the key that two spellings of it share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from services.enrich.domain.tables import sections, words_in
from services.enrich.domain.text import clean, fold, is_placeholder
from services.enrich.domain.web import domain_label, website_domain

_CONNECTORS = frozenset({"and", "und", "et", "e", "y", "en", "og", "och"})
"""Words for `and`, which spellings of one name differ in."""

_EDGES = " .,;:-_/|*\"'“”„«»\u2018\u2019"
_APOSTROPHES = "'\u2019"
_FORM_ENDS = "&+,-\u2013\u2014/|·"
_BRACKETED = re.compile(r"[(\[]([^)\]]*)[)\]]\s*$")


@dataclass(frozen=True, slots=True)
class Company:
    """A company's name and its key. `domain` where the name was written as one (Booking.com)."""

    name: str
    key: str
    domain: str | None = None


@lru_cache(maxsize=8192)
def read_company(text: str | None) -> Company | None:
    """The company that somebody works for; None for what stands in for no company."""
    cleaned = clean(text)
    if cleaned is None or "@" in cleaned:
        return None
    domain = website_domain(cleaned) if "." in cleaned and " " not in cleaned else None
    if domain is not None:
        return company_from_domain(domain)
    name = _without_legal_form(cleaned)
    key = company_key(name)
    if not key or key in words_in("words.txt")["no company"] or is_placeholder(name):
        return None
    return Company(name=_recased(name), key=key)


@lru_cache(maxsize=8192)
def company_from_domain(domain: str) -> Company:
    """A guess from a registered domain: `acme-labs.com` is probably Acme Labs."""
    label = domain_label(domain)
    name = " ".join(part[:1].upper() + part[1:] for part in label.split("-") if part)
    return Company(name=name or label, key=company_key(name) or label, domain=domain)


def company_key(name: str) -> str:
    """Letters and digits only, folded, without `the` and words for `and`: one key for the spellings of a name."""
    said = "".join(letter if _in_key(letter) or letter in _APOSTROPHES else " " for letter in fold(name))
    words = [word for word in said.split() if word not in _CONNECTORS]
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    return "".join(letter for letter in "".join(words) if _in_key(letter))


def _in_key(letter: str) -> bool:
    # Vowel signs of Indic scripts are no letters to isalnum, and belong to the word.
    return letter.isalnum() or (not letter.isascii() and unicodedata.category(letter).startswith("M"))


@cache
def _forms(section: str) -> frozenset[tuple[str, ...]]:
    return frozenset(
        tuple(form.split())
        for place, line in sections("legal_forms.txt")
        if place == section
        for form in line.split(", ")
    )


@cache
def _ideographic() -> re.Pattern[str]:
    found = [form for place, line in sections("legal_forms.txt") if place == "ideographic" for form in line.split()]
    either = "|".join(re.escape(form) for form in sorted(found, key=len, reverse=True))
    return re.compile(rf"^(?:{either})\s*|\s*(?:{either})$")


@cache
def _longest_form() -> Mapping[str, int]:
    return {section: max(map(len, _forms(section))) for section in ("suffix", "prefix")}


def _without_legal_form(text: str) -> str:
    """The name without legal forms, of which there may be several (GmbH & Co. KG)."""
    name = text
    if not name.isascii():
        name = _ideographic().sub("", name)
    bracketed = _BRACKETED.search(name)
    if bracketed and _spelt(bracketed[1].split()) in _forms("suffix"):
        name = name[: bracketed.start()]
    tokens = name.replace(",", " , ").split()
    shortened = _without_suffix(tokens)
    if len(shortened) < len(tokens) and len(shortened) > 1 and shortened[0].lower() == "the":
        shortened = shortened[1:]  # "The Coca-Cola Company" is called Coca-Cola
    tokens = _without_prefix(shortened)
    return " ".join(tokens).replace(" , ", ", ").strip(_EDGES) or text.strip(_EDGES)


def _spelt(tokens: Sequence[str]) -> tuple[str, ...]:
    """Folded tokens without dots and slashes: `S.A.` is `sa`; `&` and `+` are `and`, as forms are listed."""
    spelt = (fold(token).replace(".", "").replace("/", "").replace("-", "").strip("()[]:;\"'") for token in tokens)
    return tuple("and" if word in ("&", "+") else word for word in spelt if word and word != ",")


def _without_suffix(tokens: list[str]) -> list[str]:
    end = len(tokens)
    shrunk = True
    while shrunk:
        while end > 1 and not tokens[end - 1].strip(_FORM_ENDS):
            end -= 1
        shrunk = False
        for length in range(min(_longest_form()["suffix"] + 2, end - 1), 0, -1):
            tail = tokens[end - length : end]
            if _spelt(tail) in _forms("suffix") and not _is_word(tail, tokens):
                end, shrunk = end - length, True
                break
    return tokens[:end]


def _is_word(tail: Sequence[str], tokens: Sequence[str]) -> bool:
    """A two-letter form in small letters, in a name that has capitals, is more likely a word: `Just as`."""
    form = tail[0]
    return len(tail) == 1 and len(form) == 2 and form.islower() and not all(token.islower() for token in tokens)


def _without_prefix(tokens: list[str]) -> list[str]:
    for length in range(min(_longest_form()["prefix"], len(tokens) - 1), 0, -1):
        head = tokens[:length]
        if _spelt(head) in _forms("prefix") and (len(head[0]) > 2 or head[0].isupper()):
            return tokens[length:]
    return tokens


def _recased(name: str) -> str:
    """Names in capitals or small letters only, written as names; short ones (IBM, SAP) may be meant that way."""
    tokens = name.split()
    if name.islower():
        return " ".join(
            token if index and token in words_in("words.txt")["small words"] else _capitalised(token)
            for index, token in enumerate(tokens)
        )
    if not name.isupper() or (len(tokens) == 1 and len(name) <= 4):
        return name
    return " ".join(_quieter(token, first=not index) for index, token in enumerate(tokens))


def _quieter(token: str, *, first: bool) -> str:
    lowered = token.lower()
    if lowered in words_in("words.txt")["small words"]:
        return lowered.capitalize() if first else lowered
    return token if len(token) <= 3 or any(ch.isdigit() or ch in ".&" for ch in token) else _capitalised(lowered)


def _capitalised(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))
