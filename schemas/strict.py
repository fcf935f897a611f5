"""What a decoder does not check of an event: patterns, NUL, and moments out of range.

Events of our own were made from input that was checked at the door; a stranger's record is checked here as strictly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from schemas.base import LATEST, Event


class Malformed(ValueError):
    """A record's value is not one of its topic's events. Says where and what, and quotes nothing of it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.at}: {problem.what}" for problem in problems[:10]))
        self.problems = problems


class Problem(NamedTuple):
    """One thing that is wrong."""

    at: str
    """JSON pointer; empty for the whole document."""
    what: str


Check = Callable[[Any, str], Iterator[Problem]]

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<at>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"required field `([^`]*)`")


def malformed(error: msgspec.DecodeError) -> Malformed:
    """The same error without the values that msgspec quotes."""
    found = _AT.match(str(error))
    assert found is not None, "it matches any text"
    what, at = found["what"], re.sub(r"[.\[]", "/", (found["at"] or "").replace("]", ""))
    if missing := _NAMED.search(what):
        at, what = f"{at}/{missing[1]}", "is missing"
    if what.startswith("Invalid enum value"):
        what = "is none of the values allowed here"
    return Malformed((Problem(at, what if isinstance(error, msgspec.ValidationError) else "is no JSON"),))


def check(event: Event) -> None:
    """Checks what decoding left out.

    Raises:
        Malformed: something is out of bounds.
    """
    looked_at = _check_of_event(type(event))
    if looked_at is not None and (problems := tuple(looked_at(event, ""))):
        raise Malformed(problems)


@cache
def _check_of_event(event: type[Event]) -> Check | None:
    return _check_of(inspect.type_info(event))


def _check_of(kind: inspect.Type) -> Check | None:
    match kind:
        case inspect.Metadata():
            return _both(_check_of(kind.type), _bounds(kind))
        case inspect.StructType():
            return _struct(kind)
        case inspect.UnionType():
            return _either(kind)
        case _:
            return _contained(kind)


def _contained(kind: inspect.Type) -> Check | None:
    match kind:
        case inspect.VarTupleType():
            return _items(_check_of(kind.item_type))
        case inspect.TupleType():
            return _positions([_check_of(each) for each in kind.item_types])
        case inspect.DictType():
            return _entries(_check_of(kind.key_type), _check_of(kind.value_type))
        case _:
            return None


def _bounds(kind: inspect.Metadata) -> Check | None:
    pattern = (kind.extra_json_schema or {}).get("pattern")
    matches = re.compile(re.sub(r"\$$", r"\\Z", pattern)).search if pattern else None
    extra = kind.extra or {}
    longest: int | None = extra.get("max_length")
    first: datetime | None = extra.get("from")
    end: datetime = extra.get("before", LATEST)
    if matches is None and longest is None and first is None:
        return None

    def looked_at(value: Any, at: str) -> Iterator[Problem]:
        if isinstance(value, str):
            if matches is not None and not matches(value):
                yield Problem(at, "is not written as it must be")
            if longest is not None and len(value) > longest:
                yield Problem(at, f"is longer than {longest} characters")
        elif isinstance(value, datetime) and first is not None and not first <= value < end:
            yield Problem(at, "is a moment out of range")

    return looked_at


def _both(one: Check | None, other: Check | None) -> Check | None:
    if one is None or other is None:
        return one or other

    def looked_at(value: Any, at: str) -> Iterator[Problem]:
        yield from one(value, at)
        yield from other(value, at)

    return looked_at


def _struct(kind: inspect.StructType) -> Check | None:
    fields = [(field.name, looked_at) for field in kind.fields if (looked_at := _check_of(field.type)) is not None]

    def looked_at_all(value: Any, at: str) -> Iterator[Problem]:
        for name, looked_at in fields:
            yield from looked_at(getattr(value, name), f"{at}/{name}")

    return looked_at_all if fields else None


def _either(kind: inspect.UnionType) -> Check | None:
    """Of the alternatives, None apart, all are looked at: each passes over values of another type."""
    checks = [found for each in kind.types if (found := _check_of(each)) is not None]

    def looked_at_all(value: Any, at: str) -> Iterator[Problem]:
        if value is not None:
            for looked_at in checks:
                yield from looked_at(value, at)

    return looked_at_all if checks else None


def _items(item: Check | None) -> Check | None:
    if item is None:
        return None

    def looked_at(value: Any, at: str) -> Iterator[Problem]:
        for index, each in enumerate(value):
            yield from item(each, f"{at}/{index}")

    return looked_at


def _positions(items: list[Check | None]) -> Check | None:
    if not any(items):
        return None

    def looked_at(value: Any, at: str) -> Iterator[Problem]:
        for index, (item, each) in enumerate(zip(items, value, strict=True)):
            if item is not None:
                yield from item(each, f"{at}/{index}")

    return looked_at


def _entries(key: Check | None, value: Check | None) -> Check | None:
    if key is None and value is None:
        return None

    def looked_at(entries: Any, at: str) -> Iterator[Problem]:
        for name, each in entries.items():
            # The name is the sender's own: it is not repeated.
            if key is not None:
                yield from key(name, at)
            if value is not None:
                yield from value(each, at)

    return looked_at
