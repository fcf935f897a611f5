"""Value types that a policy is written in: durations, hours, names, points."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Any, Self, TypeVar
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from policy.reading.countries import country_codes

T = TypeVar("T")


class PolicyModel(BaseModel):
    """Base of every part of a policy: immutable, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _listed(value: Any) -> Any:
    """Returns one value may be written without brackets: `country: GB` is `country: [GB]`."""
    return (value,) if isinstance(value, str | int | float | bool) else value


OneOrMore = Annotated[tuple[T, ...], BeforeValidator(_listed)]
"""A list of alternatives; a single one needs no brackets."""

Identifier = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"), Field(examples=["enterprise-uk", "sdr_1"])
]
"""Name of a rule, team, rep, pool…: lower case, digits, `-` and `_`, so that it is safe as a metric label."""

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
"""What a person reads, such as the reason for points or an owner."""

Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$", to_lower=True, max_length=254),
    Field(examples=["anna@example.com"]),
]
"""One address, lower case, without a display name."""

Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9]\d{6,14}$"), Field(examples=["'+442079460000'"])]
"""E.164."""

Link = Annotated[
    str,
    StringConstraints(pattern=r"^https://\S+$", max_length=500),
    Field(examples=["https://example.com/book"]),
]

Domain = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", to_lower=True, strip_whitespace=True),
    Field(examples=["example.com"]),
]
"""A mail or web domain, lower case, without `@` or `www.`."""

Lowered = Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True, min_length=1, max_length=200)]
"""Text compared without regard to case."""

Points = Annotated[int, Field(strict=True, ge=-100, le=100)]
"""Added to a score of 0-100; negative takes away."""

Score = Annotated[int, Field(strict=True, ge=0, le=100)]
"""A threshold on a score of 0-100."""

Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, ge=1)]
Flag = Annotated[bool, Field(strict=True)]


# ── durations ─────────────────────────────────────────────────────────────────────────────────────

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_LONGEST = timedelta(days=3_660)


def parse_duration(text: str) -> timedelta:
    """Reads `90s`, `5m`, `1h30m`, `2d`, `1w`; a day is 24 hours.

    Raises:
        ValueError: not of that form, or longer than ten years.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError(f"`{text}` is not a duration; write 90s, 5m, 1h30m, 2d or 1w")
    seconds = sum(int(n) * size for n, size in zip(found.groups(), _UNITS.values(), strict=True) if n)
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"`{text}` is longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Returns the shortest spelling that `parse_duration` reads back, such as `1d12h`."""
    left = int(duration.total_seconds())
    parts = []
    for unit, size in _UNITS.items():
        number, left = divmod(left, size)
        if number and unit == "w" and left:  # 10d reads better than 1w3d
            left += number * size
        elif number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def _duration(value: Any) -> timedelta:
    if isinstance(value, str):
        return parse_duration(value)
    if not isinstance(value, timedelta):
        raise ValueError(f"`{value}` is not a duration; say the unit, such as {value}m or {value}h")  # noqa: TRY004  # pydantic reports ValueError only
    if value < timedelta(0) or value.microseconds or value > _LONGEST:
        raise ValueError("a duration is whole seconds, from 0 to ten years")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "examples": ["5m", "2d"]}),
]
"""A length of time, written `90s`, `5m`, `1h30m`, `2d` or `1w`."""


def _some_time(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than 0")
    return duration


PositiveDuration = Annotated[Duration, AfterValidator(_some_time)]
"""A duration of at least a second."""


# ── places and time zones ─────────────────────────────────────────────────────────────────────────


@cache
def timezone_names() -> frozenset[str]:
    """Returns the IANA time zones this machine knows."""
    return frozenset(available_timezones())


def _country(code: str) -> str:
    code = code.strip().upper()
    if code == "UK":
        raise ValueError("`UK` is not an ISO 3166-1 code; write GB")
    if code not in country_codes():
        raise ValueError(f"`{code}` is not an ISO 3166-1 alpha-2 country code, such as GB, US or DE")
    return code


def _timezone(name: str) -> str:
    if name not in timezone_names():
        raise ValueError(f"`{name}` is not an IANA time zone, such as Europe/London")
    return name


Country = Annotated[str, AfterValidator(_country)]
"""ISO 3166-1 alpha-2, upper case."""

TimeZone = Annotated[str, AfterValidator(_timezone)]
"""IANA name, such as `America/New_York`."""


# ── ranges written as one word ────────────────────────────────────────────────────────────────────

_DATES = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", re.ASCII)


class DateRange(PolicyModel):
    """Whole days off, first and last included, written `2026-12-25` or `2026-08-03..2026-08-14`."""

    first: date
    last: date

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = _DATES.fullmatch(value.strip())
        if found is None:
            raise ValueError(f"`{value}` is not a date; write 2026-12-25, or 2026-08-03..2026-08-14")
        return {"first": found[1], "last": found[2] or found[1]}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"ends ({self.last}) before it starts ({self.first})")
        return self

    @model_serializer
    def _write(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last
