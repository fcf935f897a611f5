"""Who wrote a record, and whether it is the next of its producer.

Every record of ours carries its producer and a sequence without gaps per (producer, topic, partition). A record
without these headers comes from a stranger: it advances nothing and is judged by its content alone.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

PRODUCER = "ls-producer"
SEQUENCE = "ls-seq"
_PRODUCER = re.compile(rb"[a-z][a-z0-9_-]{0,39}@[a-z0-9]{1,40}")


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
    sequence = found.get(SEQUENCE)
    if not sequence or not sequence.isdigit() or len(sequence) > 18:
        return None
    producer = _producer(found.get(PRODUCER))
    return Stamp(producer, int(sequence)) if producer else None


@lru_cache(maxsize=256)
def _producer(text: bytes | None) -> str | None:
    """A producer's name, which is remembered and told; whoever has another kind of name is none of ours."""
    return text.decode() if text and _PRODUCER.fullmatch(text) else None


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
