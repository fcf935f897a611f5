"""Dead letters: a record, timer or result that could not be processed, set aside with its bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

from runtime.decode import BatchContext, IntakeRow, Read, Source
from runtime.fence import TimerRow
from schemas.base import Cause, derived_id, new_traceparent
from schemas.events import DeadLetter, EventDead

MOST_BURIED, MOST_BURIED_KEY = 2 * 1024 * 1024, 1024
"""Bytes of a record that its dead letter repeats, as base64."""


class Why(NamedTuple):
    """Where it failed (decode, decide, commit), a code, and the explanation, without personal values."""

    step: str
    reason: str
    detail: str


_NO_CODE = re.compile(r"[^a-z0-9_.:-]+")
_MOST_DETAIL = 2_000


def dead_letter(source: Source, partition: int, why: Why, deciding: BatchContext) -> EventDead:
    """The letter of a source that `partition` had to do; the same for a repeat."""
    # What is told here may quote the junk it is about; the letter must be writable all the same.
    detail = why.detail[:_MOST_DETAIL].replace("\x00", "\\0").encode(errors="replace").decode()
    reason = _NO_CODE.sub("_", why.reason.lower()).strip("_.:-")[:100] or "unknown"
    if isinstance(source, Read):
        record = source.record
        place, key, value = (source.topic.name, record.partition, record.offset), record.key, record.value
        headers = tuple((name, bytes(text or b"")) for name, text in record.headers)
    else:
        name = "timers" if isinstance(source, TimerRow) else "effects"
        place, key, headers = (name, partition, 0), lead_of(source).encode(), ()
        value = source.value if isinstance(source, IntakeRow) else source.body
    identity = derived_id(deciding.service, *place, why.step, why.reason, value or b"")
    if (size := len(key or b"") + len(value or b"") + sum(len(text) for _, text in headers)) > MOST_BURIED:
        detail = f"{size} bytes, too many for a dead letter: the rest is where it was read. {detail}"
        key, value, headers = (key or b"")[:MOST_BURIED_KEY], (value or b"")[:MOST_BURIED], ()
    letter = DeadLetter(
        service=deciding.service, topic=place[0], partition=place[1], offset=place[2],
        step=why.step, reason=reason, detail=detail, key=key, value=value, headers=headers,
    )  # fmt: skip
    lead = lead_of(source) or f"dead-{identity[:24]}"
    cause = Cause(id=identity, lead_id=lead, traceparent=new_traceparent(identity))
    return EventDead.create(cause=cause, service=deciding.service, time=deciding.clock, data=letter)


def lead_of(source: Source) -> str:
    """The lead that a source says it is about; nothing when it says none that could be one."""
    if isinstance(source, Read):
        key = source.record.key or b""
        text = key.decode("ascii", "replace")
        return text if text.isascii() and text.replace("-", "").replace("_", "").isalnum() and len(text) <= 64 else ""
    return "" if isinstance(source, IntakeRow) else source.lead_id
