"""Who wrote a record, and whether it is the next of its producer.

Every record of ours carries its producer and a sequence without gaps per (producer, topic, partition). A record
without these headers comes from a stranger: it advances nothing and is judged by its content alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

PRODUCER = "ls-producer"
SEQUENCE = "ls-seq"


class Stamp(NamedTuple):
    """A record's producer, such as `score@5f0c1d2e3a4b`, and its sequence, from 1."""

    producer: str
    sequence: int


class Verdict(enum.Enum):
    """What the sequence says of a record."""

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"


def stamp_of(headers: Iterable[tuple[str, bytes]]) -> Stamp | None:
    """Reads the stamp; None when there is none, or it is not one of ours."""
    found = dict(headers)
    producer, sequence = found.get(PRODUCER), found.get(SEQUENCE)
    if not producer or not sequence or not sequence.isdigit() or len(sequence) > 18:
        return None
    try:
        return Stamp(producer.decode("ascii"), int(sequence))
    except UnicodeDecodeError:
        return None


def headers_of(producer: bytes, sequence: int) -> list[tuple[str, bytes]]:
    """The headers of one of our records."""
    return [(PRODUCER, producer), (SEQUENCE, b"%d" % sequence)]


def judge(last: int | None, sequence: int, *, from_start: bool) -> Verdict:
    """Compares a sequence with the highest one read from the same producer.

    `from_start`: whether the reader began at the log's first record; only then must an unknown producer begin with 1
    (otherwise its first events may have been removed by retention).
    """
    if last is None:
        return Verdict.NEXT if sequence == 1 or not from_start else Verdict.GAP
    if sequence <= last:
        return Verdict.DUPLICATE
    return Verdict.NEXT if sequence == last + 1 else Verdict.GAP


def seen_key(topic: str, producer: str) -> str:
    """The key of the highest sequence read in a fence row."""
    return f"{topic}|{producer}"
