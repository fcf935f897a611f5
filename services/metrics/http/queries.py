"""Reads the API's query parameters; a wrong one is named with what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import get_args

from schemas.base import Mode
from services.metrics.domain.reports import Span

MODES: tuple[Mode, ...] = get_args(Mode)


class BadQueryError(ValueError):
    """A query parameter is wrong; `parameter` says which."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(detail)
        self.parameter = parameter


def one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Reads the parameter's value, the first allowed one when it is missing.

    Raises:
        BadQueryError: it is something else.
    """
    value = query.get(name, allowed[0])
    if value not in allowed:
        raise BadQueryError(name, f"`{name}` must be one of {', '.join(allowed)}")
    return value


def known_only(query: Mapping[str, str], allowed: frozenset[str]) -> None:
    """Refuses parameters that nothing would read, so that a misspelt filter is not silently ignored.

    Raises:
        BadQueryError: there is one.
    """
    for name in query:
        if name not in allowed:
            raise BadQueryError(name, f"there is no parameter `{name}`; there are {', '.join(sorted(allowed))}")


def span_of(query: Mapping[str, str]) -> Span:
    """Reads the `from`, `to` and `mode` of a report.

    Raises:
        BadQueryError: one of them can't be read, or `to` is not after `from`.
    """
    start, end = _moment(query, "from"), _moment(query, "to")
    if start is not None and end is not None and end <= start:
        raise BadQueryError("to", "`to` must be later than `from`; it is not part of the span itself")
    if "mode" not in query:
        return Span(start, end)
    mode = one_of(query, "mode", MODES)
    return Span(start, end, tuple(known for known in MODES if known == mode))


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), time(), UTC) if len(text) <= 10 else _stamp(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQueryError(
            name, f"`{name}` must be a date (2026-01-31, from midnight UTC) or an RFC 3339 time with its zone"
        ) from None


def _stamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped + in a URL arrives as a space
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment
