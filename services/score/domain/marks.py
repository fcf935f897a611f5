"""Sets of things that happened, each with its time, which come out the same in whatever order they are told.

A set keeps the newest `keep` entries, one for each identity. That is a join: adding is commutative, associative
and idempotent, so any interleaving of the same facts gives the identical set, repeats change nothing, and what
was crowded out as too old stays out when it is told again. Points are no part of it: the policy that is in force
when a score is computed gives them, so a new policy also revalues the past.
"""

from __future__ import annotations

from bisect import insort
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TypeVar

Mark = tuple[int, int]
"""Business time in milliseconds since 1970 (UTC), and identity."""

OutcomeMark = tuple[int, int, str, str]
"""As `Mark`, then the outcome's kind, and the words of its reason."""

M = TypeVar("M", Mark, OutcomeMark)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def remember(entries: tuple[M, ...], entry: M, keep: int) -> tuple[M, ...]:
    """The newest `keep` of `entries` (newest first) and `entry`; the same object when `entry` adds nothing.

    Of two entries with one identity the later counts.
    """
    others = list(entries)
    known = find(entries, entry[1])
    if known is not None:
        if known >= entry:
            return entries
        others.remove(known)
    elif len(entries) >= keep and entry < entries[-1]:
        return entries
    insort(others, entry, key=_age)
    return tuple(others[:keep])


def find(entries: tuple[M, ...], identity: int) -> M | None:
    """The entry with this identity, if it is among those kept."""
    for entry in entries:
        if entry[1] == identity:
            return entry
    return None


def identify(*parts: str) -> int:
    """48 bits that stand for an id: small in the state, and exact in JSON readers that know only doubles."""
    return int.from_bytes(blake2b("\x1f".join(parts).encode(), digest_size=6).digest(), "big")


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def to_datetime(milliseconds: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _age(entry: Mark | OutcomeMark) -> tuple[int, int]:
    return -entry[0], -entry[1]
