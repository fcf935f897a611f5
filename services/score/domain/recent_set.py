"""Sets of things that happened, each with its time, which come out the same in whatever order they are read.

A set keeps the newest `keep` entries, one for each identity. That is a join: adding is commutative, associative
and idempotent, so any interleaving of the same facts gives the identical set, repeats change nothing, and what
was crowded out as too old stays out when it is read again. Points are no part of it: the policy that is in force
when a score is computed gives them, so a new policy also revalues the past.
"""

from __future__ import annotations

from bisect import insort
from hashlib import blake2b
from typing import TypeVar

Entry = tuple[int, int]
"""Business time in milliseconds since 1970 (UTC), and identity."""

OutcomeEntry = tuple[int, int, str, str]
"""As `Entry`, then the outcome's kind, and the words of its reason."""

E = TypeVar("E", Entry, OutcomeEntry)


def with_entry(entries: tuple[E, ...], entry: E, keep: int) -> tuple[E, ...]:
    """Returns the newest `keep` of `entries` (newest first) and `entry`; the same object when `entry` adds nothing.

    Of two entries with one identity the later counts.
    """
    others = list(entries)
    known = find_entry(entries, entry[1])
    if known is not None:
        if known >= entry:
            return entries
        others.remove(known)
    elif len(entries) >= keep and entry < entries[-1]:
        return entries
    insort(others, entry, key=_newest_first)
    return tuple(others[:keep])


def find_entry(entries: tuple[E, ...], identity: int) -> E | None:
    """Returns the entry with this identity; None when it is not among those kept."""
    for entry in entries:
        if entry[1] == identity:
            return entry
    return None


def identity_of(*parts: str) -> int:
    """Returns 48 bits that stand for an id: small in the state, and exact in JSON readers that know only doubles."""
    return int.from_bytes(blake2b("\x1f".join(parts).encode(), digest_size=6).digest(), "big")


def _newest_first(entry: Entry | OutcomeEntry) -> tuple[int, int]:
    return -entry[0], -entry[1]
