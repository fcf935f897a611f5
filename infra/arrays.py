"""Arrays as Postgres reads them in binary, made in one go.

psycopg finds out the type of each list and of each of its members; for the thirty arrays of a commit, most of them
empty, that takes longer than everything else. Here the type is said, and what is empty is a constant.

The format: dimensions, whether there are nulls, the members' type; per dimension its length and first index; then
each member's length and bytes (src/backend/utils/adt/arrayfuncs.c, `array_recv`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from struct import Struct, pack
from typing import NamedTuple

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = Struct("!iiIii")
_LENGTH = Struct("!i")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST_DAY = _EPOCH.date()
_MICROSECOND = timedelta(microseconds=1)


class Array(NamedTuple):
    """A parameter, ready to be sent."""

    data: bytes


class ArrayDumper(Dumper):
    """Sends an `Array` as it is; its type is what the statement casts it to."""

    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        """Sends it as it is."""
        return obj.data


def register(connection: AsyncConnection[object]) -> None:
    """Lets a connection send such arrays."""
    connection.adapters.register_dumper(Array, ArrayDumper)


def _empty(oid: int) -> Array:
    return Array(pack("!iiI", 0, 0, oid))


def _integers(oid: int, code: str) -> Callable[[Iterable[int]], Array]:
    size, empty = Struct(f"!{code}").size, _empty(oid)

    def dump(values: Iterable[int]) -> Array:
        members = [part for value in values for part in (size, value)]
        if not members:
            return empty
        count = len(members) // 2
        return Array(_HEAD.pack(1, 0, oid, count, 1) + pack("!" + f"i{code}" * count, *members))

    return dump


def _varied(oid: int) -> Callable[[Sequence[bytes]], Array]:
    empty, length = _empty(oid), _LENGTH.pack

    def dump(values: Sequence[bytes]) -> Array:
        if not values:
            return empty
        parts = [part for value in values for part in (length(len(value)), value)]
        return Array(_HEAD.pack(1, 0, oid, len(values), 1) + b"".join(parts))

    return dump


def _nullable(oid: int) -> Callable[[Sequence[bytes]], Array]:
    """Makes arrays of members that have their length in front already, or are `_NULL`."""
    empty = _empty(oid)

    def dump(members: Sequence[bytes]) -> Array:
        return Array(_HEAD.pack(1, 1, oid, len(members), 1) + b"".join(members)) if members else empty

    return dump


ints = _integers(23, "i")
bigints = _integers(20, "q")
byteas = _varied(17)
_texts, _moments, _days = _varied(25), _integers(1184, "q"), _integers(1082, "i")
_nullable_texts, _nullable_moments, _nullable_doubles = _nullable(25), _nullable(1184), _nullable(701)
_moment, _double = Struct("!iq").pack, Struct("!id").pack
_NULL = _LENGTH.pack(-1)


def texts(values: Iterable[str]) -> Array:
    """`text[]`.

    Raises:
        UnicodeEncodeError: one of them holds half of a surrogate pair.
    """
    return _texts([value.encode() for value in values])


def moments(values: Iterable[datetime]) -> Array:
    """`timestamptz[]`."""
    return _moments((value - _EPOCH) // _MICROSECOND for value in values)


def days(values: Iterable[date]) -> Array:
    """`date[]`."""
    return _days((value - _FIRST_DAY).days for value in values)


def nullable_texts(values: Iterable[str | None]) -> Array:
    """`text[]`, None as null.

    Raises:
        UnicodeEncodeError: one of them holds half of a surrogate pair.
    """
    length, encoded = _LENGTH.pack, [None if value is None else value.encode() for value in values]
    return _nullable_texts([_NULL if value is None else length(len(value)) + value for value in encoded])


def nullable_moments(values: Iterable[datetime | None]) -> Array:
    """`timestamptz[]`, None as null."""
    return _nullable_moments(
        [_NULL if value is None else _moment(8, (value - _EPOCH) // _MICROSECOND) for value in values]
    )


def nullable_doubles(values: Iterable[float | None]) -> Array:
    """`double precision[]`, None as null."""
    return _nullable_doubles([_NULL if value is None else _double(8, value) for value in values])
