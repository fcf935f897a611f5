"""Job titles: how senior somebody is and in which department."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal, NamedTuple, get_args

from policy.reading.text import clean, words
from schemas.events.enriched import Department, Seniority
from services.enrich.domain.placeholders import is_placeholder
from services.enrich.domain.tables import sections

Rank = Literal[Seniority, "assistant", "former"]
"""A seniority, or a word that changes what stands beside it."""

_RANKS: tuple[Rank, ...] = (
    "student", "intern", "assistant", "founder", "c_level", "vp", "director", "manager", "senior", "individual",
)  # fmt: skip
"""Whichever of a title's matches comes first here decides."""

_GENDERED = re.compile(r"\(\s*[mwfdxi]\s*(?:[/|,]\s*[mwfdxi]\s*){1,3}\)", re.IGNORECASE)
_CHIEF_OFFICER_WORDS = 6
"""Words from `chief` to `officer` in a title we don't list: Chief Customer and Revenue Operations Officer."""


class Meaning(NamedTuple):
    """What one phrase says; None where it says nothing of it."""

    rank: Rank | None
    department: Department | None


class JobTitle(NamedTuple):
    """A title as written, and what it says."""

    title: str
    seniority: Seniority | None = None
    department: Department | None = None


@lru_cache(maxsize=16_384)
def read_title(text: str | None) -> JobTitle | None:
    """What a job title says of seniority and department, by the phrases in `data/titles.txt`."""
    cleaned = clean(_GENDERED.sub(" ", text)) if text else None
    if cleaned is None or is_placeholder(cleaned):
        return None
    found = _meanings(words(cleaned))
    rank = min((m.rank for m in found if m.rank), key=_RANKS.index, default=None)
    return JobTitle(title=cleaned, seniority=_seniority(rank), department=_department(found, rank))


def _seniority(rank: Rank | None) -> Seniority | None:
    if rank == "assistant":
        return "individual"
    return None if rank is None or rank == "former" else rank


def _department(found: list[Meaning], rank: Rank | None) -> Department | None:
    """The department of what decided the seniority, else the first one named, else the top's own."""
    named = [m.department for m in found if m.rank == rank and m.department] if rank else []
    named += [m.department for m in found if m.department and m.department != "executive"]
    if named:
        return named[0]
    return "executive" if rank in ("founder", "c_level") else None


def _meanings(said: tuple[str, ...]) -> list[Meaning]:
    """What the phrases of a title say, from left to right, the longest at each word."""
    found: list[Meaning] = []
    at = 0
    former = False
    while at < len(said):
        length, meaning = _at(said, at)
        at += length
        if meaning is None:
            continue
        if meaning.rank == "former":
            former = True
        elif former and meaning.rank:
            former = False
        else:
            found.append(meaning)
    return found


def _at(said: tuple[str, ...], at: int) -> tuple[int, Meaning | None]:
    """How many words from `at` on belong together, and what they say."""
    for phrase, meaning in _phrases().get(said[at], ()):
        if said[at : at + len(phrase)] == phrase:
            if phrase != ("chief",):
                return len(phrase), meaning
            break
    if said[at] == "chief" and "officer" in said[at : at + _CHIEF_OFFICER_WORDS]:
        return 1, Meaning("c_level", None)
    return 1, _single(said[at])


@lru_cache(maxsize=16_384)
def _single(word: str) -> Meaning | None:
    """What one word says, as a whole or as a German compound of listed parts."""
    for phrase, meaning in _phrases().get(word, ()):
        if phrase == (word,):
            return meaning
    ends = [(len(part), m) for part, m in _parts("*") if word.endswith(part) and word != part]
    begins = [(len(part), m) for part, m in _parts("") if word.startswith(part) and word != part]
    rank = max(ends, default=(0, None))[1]
    department = max(begins, default=(0, None))[1]
    if rank is None or department is None:
        return rank or department
    return Meaning(rank.rank, department.department)


@cache
def _phrases() -> Mapping[str, tuple[tuple[tuple[str, ...], Meaning], ...]]:
    """The phrases by their first word, longest first."""
    found: dict[str, list[tuple[tuple[str, ...], Meaning]]] = {}
    for phrase, meaning in _entries():
        if "*" not in phrase:
            said = tuple(phrase.split())
            found.setdefault(said[0], []).append((said, meaning))
    return {word: tuple(sorted(entries, key=lambda entry: -len(entry[0]))) for word, entries in found.items()}


@cache
def _parts(mark: str) -> tuple[tuple[str, Meaning], ...]:
    """The parts of compounds: those that end a word (`*leiter`) for `*`, those that begin one otherwise."""
    return tuple(
        (phrase.strip("*"), meaning)
        for phrase, meaning in _entries()
        if "*" in phrase and phrase.startswith("*") == (mark == "*")
    )


@cache
def _entries() -> tuple[tuple[str, Meaning], ...]:
    """Every phrase of the table. A phrase that is listed twice means what its first section says.

    Raises:
        ValueError: a section names a seniority or department that the events don't know.
    """
    found: dict[str, Meaning] = {}
    for section, line in sections("titles.txt"):
        for phrase in line.split(", "):
            found.setdefault(phrase, _meaning_of(section))
    return tuple(found.items())


@cache
def _meaning_of(section: str) -> Meaning:
    rank, department = section.split(" ")
    if rank not in ("-", "former", *_RANKS) or department not in ("-", *get_args(Department)):
        raise ValueError(f"titles.txt has a section [{section}] of no known seniority or department")
    return Meaning(
        None if rank == "-" else rank,  # type: ignore[arg-type]  # checked above
        None if department == "-" else department,  # type: ignore[arg-type]  # checked above
    )
