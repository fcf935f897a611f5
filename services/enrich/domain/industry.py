"""Industries: one code for the many names that forms, people and CRMs have for one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from policy.reading.text import clean, words
from services.enrich.domain.placeholders import is_placeholder
from services.enrich.domain.tables import lines

_MOST_CHARACTERS = 64
_MISLEADING_ALONE = frozenset({("services",), ("industry",), ("production",), ("it",), ("ai",), ("space",), ("power",)})
"""Names that count only as the whole answer: `legal services` is no professional service."""


class Industry(NamedTuple):
    """An industry's code and how sure we are that it is meant."""

    code: str
    confidence: float


@lru_cache(maxsize=4096)
def read_industry(text: str | None) -> Industry | None:
    """The industry somebody names: listed as a whole, or by the longest listed name in it, else its own words."""
    cleaned = clean(text)
    if cleaned is None or is_placeholder(cleaned):
        return None
    said = words(cleaned.replace("_", " "))
    whole = _by_name().get(said)
    if whole:
        return Industry(whole, 0.9)
    part = _longest_part(said)
    if part:
        return Industry(part, 0.7)
    own = "_".join(said)[:_MOST_CHARACTERS].strip("_")
    return Industry(own, 0.4) if own.isascii() else None


def _longest_part(said: tuple[str, ...]) -> str | None:
    for length in range(min(len(said) - 1, 5), 0, -1):
        for at in range(len(said) - length + 1):
            part = said[at : at + length]
            if part in _by_name() and part not in _MISLEADING_ALONE:
                return _by_name()[part]
    return None


@cache
def _by_name() -> Mapping[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for line in lines("industries.txt"):
        code, _, names = line.partition(": ")
        found[tuple(code.split("_"))] = code
        found.update({tuple(name.split()): code for name in names.split(", ")})
    return found
