"""What arrives and must not stop anything: mistakes, programs, half of a story, records that are not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

import orjson

from demo.actions import UNKNOWN_LEAD, Action, Expected, ForeignRecord, Item, Post, one
from demo.times import somewhen
from schemas.topics import CAPTURED, SIGNALS

SHARE = 0.07
"""Pieces of junk for each lead."""
JUNK_WAITS = timedelta(minutes=30)

Junk = Callable[[int], Post]


def _refused(status: int, reason: str) -> Expected:
    return Expected("refused", status, reason)


def _json(path: str, document: dict[str, object], status: int, reason: str) -> Post:
    return one(path, Item(document, expected=_refused(status, reason)))


def _raw(body: bytes, status: int, reason: str) -> Post:
    return Post("/v1/leads", (Item({}, expected=_refused(status, reason)),), "raw", body)


def _nobody(number: int) -> Post:
    return _json("/v1/leads", {"name": f"No Address {number}", "message": "call me"}, 422, "no_identity")


def _misspelt_field(number: int) -> Post:
    return _json("/v1/leads", {"emial": f"typo{number}@typo.example", "nmae": "T. Ypo"}, 422, "invalid_fields")


def _no_address(number: int) -> Post:
    document: dict[str, object] = {"email": ("n/a", "john.doe(at)example", "-")[number % 3], "name": "John"}
    return _json("/v1/leads", document, 422, "invalid_fields")


def _nul(number: int) -> Post:
    return _raw(b'{"email": "nul%d@nul.example", "name": "Nul\\u0000Byte"}' % number, 422, "invalid_fields")


def _cut_off(number: int) -> Post:
    return _raw(b'{"email": "cut%d@off.example", "name": "Cut' % number, 400, "malformed_json")


def _wrong_charset(number: int) -> Post:
    body = '{"email": "bjoern%d@umlaut.example", "name": "Bj\xf6rn"}' % number  # noqa: UP031  # braces are JSON's
    return _raw(body.encode("latin-1"), 400, "wrong_charset")


def _program(number: int) -> Post:
    """A program fills in every field, also the one that people don't see; it is thanked like a person."""
    fields = {"name": "Best SEO", "email": f"seo{number}@spam.example", "_gotcha": "https://spam.example"}
    item = Item(fields, expected=Expected("refused", 200, "honeypot"))
    return Post("/v1/leads", (item,), "form", headers={"Accept": "text/html"}, token=False)


def _empty_form(number: int) -> Post:
    item = Item({"name": "", "email": " " * (number % 3)}, expected=_refused(422, "empty"))
    return Post("/v1/leads", (item,), "form", headers={"Accept": "application/json"}, token=False)


def _unknown_lead(number: int) -> Post:
    document = {"signal": "page_view", "email": f"never{number}@seen.example", "id": f"junk-{number}"}
    return one("/v1/signals", Item(document, expected=UNKNOWN_LEAD))


def _lost_for_no_reason(number: int) -> Post:
    return _json("/v1/outcomes", {"outcome": "lost", "email": f"lost{number}@why.example"}, 422, "invalid_fields")


def _from_the_future(number: int) -> Post:
    document: dict[str, object] = {"email": f"soon{number}@future.example", "submitted_at": "2099-01-01T00:00:00Z"}
    return _json("/v1/leads", document, 422, "invalid_fields")


def _without_token(number: int) -> Post:
    """Nobody we know sent it, so nothing of it is kept."""
    item = Item({"email": f"who{number}@isthis.example"}, expected=Expected("turned_away", 401, "unauthenticated"))
    return Post("/v1/leads", (item,), token=False)


KINDS: tuple[Junk, ...] = (
    _nobody, _misspelt_field, _program, _unknown_lead, _no_address, _nul, _cut_off, _empty_form, _lost_for_no_reason,
    _wrong_charset, _from_the_future, _without_token,
)  # fmt: skip

FOREIGN_RECORDS: tuple[ForeignRecord, ...] = (
    ForeignRecord(CAPTURED.name, b"stranger-1", b"hello, is this the lead topic?"),
    ForeignRecord(SIGNALS.name, b"stranger-2", orjson.dumps({"signal": "page_view", "who": "somebody"})),
    ForeignRecord(CAPTURED.name, b"stranger-3", b"\x00\xff\xfe binary"),
)


def junk(leads: int, start: datetime, end: datetime, rng: Random) -> Iterator[Action]:
    """Every kind in turn, as many as there are leads for, at any time."""
    count = max(round(leads * SHARE), len(KINDS))
    for number, kind in zip(range(count), cycle(KINDS), strict=False):
        at = somewhen(start, end, "Europe/London", rng)
        yield Action(at, kind(number), f"junk {number}", JUNK_WAITS)
    for number, record in enumerate(FOREIGN_RECORDS):
        yield Action(somewhen(start, end, "Europe/London", rng), record, f"stranger {number}", JUNK_WAITS)
