"""Sends to capture over HTTP and holds each answer against what was expected."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from demo.actions import Expected, Item, Post
from demo.errors import DemoFailed
from policy.contact import CONTACT_OUTCOMES

SECONDS = 30
BUSY = 503
TRIES = 5
SHOWN = 20


@dataclass
class Sent:
    """What was sent, and how it was answered.

    Attributes:
        accepted: by kind (leads, signals, outcomes, touches), how many were taken.
        submissions: ids of accepted leads, as far as the answers name them.
        ids: by kind, the reporters' ids of what was taken.
        refused: by reason, how many were refused and should be on `leads.rejected`.
        kept: the bytes of what was refused.
        repeats: how many were recognised as sent before.
        turned_away: how many came from nobody we know.
        leads: people whose submissions were taken.
        contacted: leads that a rep has spoken to.
        surprises: answers that were not as expected.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    submissions: set[str] = field(default_factory=set)
    ids: dict[str, set[str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    kept: Counter[bytes] = field(default_factory=Counter)
    repeats: int = 0
    turned_away: int = 0
    leads: set[int] = field(default_factory=set)
    contacted: set[str] = field(default_factory=set)
    surprises: list[str] = field(default_factory=list)

    def take(self, kind: str, item: Item, body: bytes | None, status: int, answer: Mapping[str, Any] | None) -> None:
        """Notes one answer. `body` is what was sent, None for one of many; `answer` None for a page."""
        wanted = item.expected
        reason = str((answer or {}).get("type", "")).rpartition(":")[2]
        repeated = bool((answer or {}).get("duplicate"))
        if not _as_expected(wanted, status, reason, repeated=repeated, page=answer is None):
            self._surprised(f"{kind}: {status} {reason or 'accepted'} instead of {wanted.status} {wanted.reason}")
        if wanted.reason == "honeypot" or (status >= 400 and status != 401):
            self.refused[reason or wanted.reason] += 1
            if body is not None:
                self.kept[body] += 1
        elif status == 401:
            self.turned_away += 1
        elif repeated:
            self.repeats += 1
        else:
            self._accepted(kind, item, answer or {})

    def _accepted(self, kind: str, item: Item, answer: Mapping[str, Any]) -> None:
        self.accepted[kind] += 1
        if kind != "leads":
            self.ids.setdefault(kind, set()).add(str(item.document["id"]))
        elif item.person is not None:
            self.leads.add(item.person)
            if "submission_id" in answer:
                self.submissions.add(answer["submission_id"])
        if kind == "touches" or item.document.get("outcome") in CONTACT_OUTCOMES:
            self.contacted.add(str(answer["lead_id"]))

    def _surprised(self, what: str) -> None:
        if len(self.surprises) < SHOWN:
            self.surprises.append(what)


def _as_expected(wanted: Expected, status: int, reason: str, *, repeated: bool, page: bool) -> bool:
    if page:  # of a form: a page of thanks, also for a program
        return status == 200 and wanted.answer in ("accepted", "refused")
    if status != wanted.status:
        return False
    return reason == wanted.reason if status >= 400 else repeated == (wanted.answer == "duplicate")


class Poster:
    """Capture, as the outside world reaches it."""

    def __init__(self, url: str, token: str, form_key: str) -> None:
        self._url, self._token, self._form_key = url, token, form_key
        self._session: aiohttp.ClientSession | None = None
        self.sent = Sent()

    async def open(self) -> None:
        """Opens the connections' pool."""
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        self._session = aiohttp.ClientSession(self._url, timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    async def post(self, what: Post, now: datetime) -> None:
        """Sends one request and notes the answer.

        Raises:
            DemoFailed: nobody answers, or there is no room for it for long.
        """
        headers = {"Authorization": f"Bearer {self._token}"} if what.token else {}
        path = f"{what.path}?key={self._form_key}" if what.wire in ("form", "multipart") else what.path
        status, answer, data = await self._send(path, what, now, headers)
        name = what.path.removeprefix("/v1/").removesuffix(":batch")
        if what.batch:
            results = answer["results"] if answer and "results" in answer else [answer] * len(what.items)
            for item, result in zip(what.items, results, strict=True):
                self.sent.take(name, item, None, int((result or {}).get("status", status)), result)
        else:
            # Of a multipart body we don't know the bytes.
            self.sent.take(name, what.items[0], data if isinstance(data, bytes) else None, status, answer)

    async def _send(
        self, path: str, what: Post, now: datetime, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any] | None, Any]:
        """Status, the answer where it is JSON, and what was sent."""
        assert self._session is not None, "open() comes first"
        for _ in range(TRIES):
            data, kind = _body(what, now)
            try:
                request = self._session.post(path, data=data, headers={**kind, **headers, **what.headers})
                async with request as response:
                    body = await response.read()
                    if response.status != BUSY:
                        answer = orjson.loads(body) if "json" in response.content_type else None
                        return response.status, answer, data
                    await asyncio.sleep(float(response.headers.get("Retry-After", 1)))
            except (aiohttp.ClientError, TimeoutError) as error:
                raise DemoFailed(f"capture does not answer ({type(error).__name__}). Read its log") from error
        raise DemoFailed(f"capture had no room for a request {TRIES} times in a row. Read its log")


def _body(what: Post, now: datetime) -> tuple[Any, dict[str, str]]:
    """The body, and the headers that belong to it."""
    if what.wire == "raw":
        return what.raw, {"Content-Type": "application/json"}
    documents = [item.at(now) for item in what.items]
    if what.wire == "json":
        return orjson.dumps(documents if what.batch else documents[0]), {"Content-Type": "application/json"}
    if what.wire == "form":
        return urlencode(dict(documents[0])).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return aiohttp.FormData(dict(documents[0]), default_to_multipart=True), {}
