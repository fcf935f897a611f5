"""Company size: one number of employees from `51-200`, `10k+`, `über 500` and the like."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from policy.reading.text import clean, fold

_MOST = 10_000_000
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*(k\b|tsd\b|mil\b|thousand\b|m\b|million\b)?")
_GROUPED = re.compile(r"(?<=\d)[.,'\u2019\u00a0\u202f ](?=\d{3}(?!\d))")
_UNITS = {"k": 1_000, "tsd": 1_000, "mil": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_UP_TO = re.compile(
    r"<|\b(?:under|below|less than|fewer than|up to|bis|weniger als|unter|moins de|menos de|ate|hasta)\b"
)
_ALONE = re.compile(r"^(?:just me|only me|solo|one|myself|nur ich|moi|solo yo|so eu|1 person)\b")


class Headcount(NamedTuple):
    """How many work there. An exact number deserves more trust than a range's middle."""

    employees: int
    confidence: float


@lru_cache(maxsize=1024)
def read_employees(text: str | None) -> Headcount | None:
    """The number of employees: the middle of a range, the bound of `500+`, half of `up to 50`."""
    cleaned = clean(text)
    if cleaned is None:
        return None
    said = _GROUPED.sub("", fold(cleaned))
    if _ALONE.match(said):
        return Headcount(1, 0.9)
    numbers = [_value(number, unit) for number, unit in _NUMBER.findall(said)]
    if not numbers or len(numbers) > 2 or max(numbers) > _MOST:
        return None
    if len(numbers) == 2:
        # The unit of the upper end is meant for both: 1-5k.
        low, high = sorted(numbers)
        return Headcount((low + high) // 2, 0.7)
    only = numbers[0]
    if _UP_TO.search(said):
        return Headcount(max(1, only // 2), 0.6)
    return Headcount(only, 0.9 if said.strip().isdigit() else 0.7)


def _value(number: str, unit: str) -> int:
    return int(float(number.replace(",", ".")) * _UNITS.get(unit, 1))
