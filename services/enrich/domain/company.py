"""Companies: the name as a person would write it, and the key that two spellings of it share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from policy.reading.text import MAX_LENGTH, clean, fold
from services.enrich.domain.placeholders import is_placeholder
from services.enrich.domain.tables import sections, words_in
from services.enrich.domain.web import domain_label, website_domain

_CONNECTORS = frozenset({"and", "und", "et", "e", "y", "en", "og", "och"})
"""Words for `and`, which spellings of one name differ in."""

_EDGES = " .,;:-_/|*\"'“”„«»\u2018\u2019"
_APOSTROPHES = re.compile("['\u2019]+")
_ASCII_PUNCTUATION = re.compile(r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")
_NOT_SPELT = str.maketrans("", "", "./-()[]:;\"',")
_FORM_ENDS = "&+,-\u2013\u2014/|·"
_BRACKETED = re.compile(r"[(\[]([^)\]]*)[)\]]\s*$")


class Company(NamedTuple):
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
    name = "" if _is_legal_form(cleaned) else _without_legal_form(cleaned)
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
    folded = _APOSTROPHES.sub("", fold(name))
    if not folded.isascii():
        folded = "".join(letter if _in_key(letter) else " " for letter in folded)
    every = [word for word in _ASCII_PUNCTUATION.split(folded) if word]
    said = [word for word in every if word not in _CONNECTORS] or every
    if len(said) > 1 and said[0] == "the":
        said = said[1:]
    # Folding may make eighteen letters of one.
    return "".join(said)[:MAX_LENGTH]


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
    return re.compile(rf"^(?:(?:{either})\s*)+|(?:\s*(?:{either}))+$")


@cache
def _lengths_by_last_word() -> Mapping[str, tuple[int, ...]]:
    """How many words the legal forms that end in a word have, longest first."""
    found: dict[str, set[int]] = {}
    for form in _forms("suffix"):
        found.setdefault(form[-1], set()).add(len(form))
    return {word: tuple(sorted(lengths, reverse=True)) for word, lengths in found.items()}


def _is_legal_form(text: str) -> bool:
    """Whether this is a legal form of several words. Of one word it may be a name: SAS, BT, Sapa."""
    said = tuple(filter(None, map(_spelt, text.replace(",", " ").split())))
    return len(said) > 1 and said in _forms("suffix")


def _without_legal_form(text: str) -> str:
    """The name without legal forms, of which there may be several (GmbH & Co. KG); empty when there is no name."""
    name = text
    if not name.isascii():
        name = _ideographic().sub("", name)
    bracketed = _BRACKETED.search(name)
    if bracketed and tuple(map(_spelt, bracketed[1].split())) in _forms("suffix"):
        name = name[: bracketed.start()]
    tokens = name.replace(",", " , ").split()
    shortened = _without_suffix(tokens)
    if len(shortened) < len(tokens) and len(shortened) > 1 and shortened[0].lower() == "the":
        shortened = shortened[1:]  # "The Coca-Cola Company" is called Coca-Cola
    tokens = _without_prefix(shortened)
    return " ".join(tokens).replace(" , ", ", ").strip(_EDGES)


def _spelt(token: str) -> str:
    """A folded token without dots and slashes: `S.A.` is `sa`; `&` and `+` are `and`, as forms are listed."""
    if token in ("&", "+", "und", "et"):
        return "and"
    return fold(token).translate(_NOT_SPELT)


def _without_suffix(tokens: list[str]) -> list[str]:
    """Without the legal forms at the end, however many there are."""
    end = len(tokens)
    while end:
        while end > 1 and not tokens[end - 1].strip(_FORM_ENDS):
            end -= 1
        shorter = _before_form(tokens, end)
        if shorter == end:
            break
        end = shorter
    return tokens[:end]


def _before_form(tokens: Sequence[str], end: int) -> int:
    """Where the legal form that ends at `end` begins; `end` itself when there is none, or nothing before it."""
    for length in _lengths_by_last_word().get(_spelt(tokens[end - 1]), ()):
        form: list[str] = []
        start = end
        while start > 1 and len(form) < length:
            start -= 1
            word = _spelt(tokens[start])
            if word:
                form.insert(0, word)
        if tuple(form) in _forms("suffix") and not _is_word(tokens[start:end], tokens):
            return start
    return end


def _is_word(tail: Sequence[str], tokens: Sequence[str]) -> bool:
    """A two-letter form in small letters, in a name that has capitals, is more likely a word: `Just as`."""
    form = tail[0]
    return len(tail) == 1 and len(form) == 2 and form.islower() and not all(token.islower() for token in tokens)


def _without_prefix(tokens: list[str]) -> list[str]:
    head = tokens[0] if len(tokens) > 1 else ""
    listed = (_spelt(head),) in _forms("prefix") and (len(head) > 2 or head.isupper())
    return tokens[1:] if listed else tokens


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
