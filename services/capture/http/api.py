"""The HTTP interface: leads, signals, outcomes, touches and erasures come in here.

Answers are given only after the commit: 202 means stored. What was authenticated and can't become an event is kept
on `leads.rejected`, with its bytes, before its sender learns why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from infra.clock import Clock
from infra.http import as_json
from policy import Policy
from services.capture import telemetry
from services.capture.domain.decode import MediaType, decode_form, media_type
from services.capture.domain.erasure import Erasure, read_erasure
from services.capture.domain.errors import InvalidInput
from services.capture.domain.forms import FORM_KEY, HONEYPOT, lead_document, value_of
from services.capture.domain.items import Item, Kind, Received, Refusal
from services.capture.domain.resolve import Result
from services.capture.domain.submissions import READERS, InputContext, lead_item
from services.capture.http import pages
from services.capture.http.access import Access
from services.capture.http.requests import (
    MOST_BATCH_BODY,
    MOST_BODY,
    document_of,
    idempotency_key,
    listed,
    read_body,
    too_large,
)
from services.capture.http.responses import (
    NOBODY_TO_ERASE,
    UNKNOWN_LEAD,
    UNSTORABLE,
    accepted,
    form_problem,
    page,
    problem,
    unauthenticated,
    unavailable,
    wants_json,
)
from services.capture.ids import new_id
from services.capture.intake import REFUSED, TRANSIENT, Intake, Unavailable
from services.capture.store import Receipt

KINDS: dict[Kind, str] = {"lead": "leads", "signal": "signals", "outcome": "outcomes", "touch": "touches"}

Handler = Callable[[web.Request], Awaitable[web.Response]]


class CaptureApi:
    """The handlers. `policy` gives the one in force, or raises LookupError while none is published."""

    def __init__(
        self,
        intake: Intake,
        access: Access,
        clock: Clock,
        policy: Callable[[], Policy],
        erase: Callable[[Erasure], Awaitable[Receipt]],
    ) -> None:
        self._intake = intake
        self._access = access
        self._clock = clock
        self._policy = policy
        self._erase = erase

    def routes(self) -> list[web.RouteDef]:
        """All of capture's routes."""
        ours = [web.post("/v1/leads", _guarded(self._leads)), web.post("/v1/erasures", _guarded(self._erasure))]
        for kind, name in KINDS.items():
            if kind != "lead":
                ours.append(web.post(f"/v1/{name}", _guarded(self._one_of(kind))))
            ours.append(web.post(f"/v1/{name}:batch", _guarded(self._batch_of(kind))))
        return ours

    # -- one item ----------------------------------------------------------------------------------------------------

    async def _leads(self, request: web.Request) -> web.Response:
        kind = media_type(request.headers.get("Content-Type", ""))
        return await (self._form(request, kind) if kind.is_form else self._one("lead", request))

    def _one_of(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            return await self._one(kind, request)

        return handler

    async def _one(self, kind: Kind, request: web.Request) -> web.Response:
        if not self._access.may_send(request.headers.get("Authorization")):
            return _unknown_sender()
        received, whole = await self._receive(request, "api", MOST_BODY)
        try:
            document = document_of(request, received.body, MOST_BODY, whole=whole)
            item = READERS[kind](document, self._context(received, idempotency_key(request)))
        except InvalidInput as error:
            await self._keep(kind, received, error)
            return as_json(problem(error, received.submission_id), error.status)
        status, body = await self._accept_one(item)
        return as_json(body, status)

    async def _accept_one(self, item: Item) -> tuple[int, dict[str, Any]]:
        outcome = (await self._intake.submit([item]))[0]
        if isinstance(outcome, REFUSED):
            await self._keep(item.kind, item.received, UNSTORABLE)
            return UNSTORABLE.status, problem(UNSTORABLE, item.received.submission_id)
        return _answer_to(item.kind, outcome)

    # -- many items --------------------------------------------------------------------------------------------------

    def _batch_of(self, kind: Kind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            return await self._batch(kind, request)

        return handler

    async def _batch(self, kind: Kind, request: web.Request) -> web.Response:
        if not self._access.may_send(request.headers.get("Authorization")):
            return _unknown_sender()
        received, whole = await self._receive(request, "api", MOST_BATCH_BODY)
        try:
            document = document_of(request, received.body, MOST_BATCH_BODY, whole=whole)
            documents = listed(document, KINDS[kind])
            key = idempotency_key(request)
        except InvalidInput as error:
            await self._keep(kind, received, error)
            return as_json(problem(error, received.submission_id), error.status)
        read = [self._read(kind, each, received, key, number) for number, each in enumerate(documents)]
        outcomes = await self._intake.submit([item for item, _ in read])
        results = []
        for (item, why), outcome in zip(read, outcomes, strict=True):
            if isinstance(outcome, REFUSED):
                await self._keep(kind, item.received, UNSTORABLE)
                results.append(problem(UNSTORABLE, item.received.submission_id))
            elif why is not None and isinstance(outcome, Result):
                telemetry.ITEMS.labels(kind, "refused").inc()
                results.append(problem(why, item.received.submission_id))
            else:
                status, body = _answer_to(kind, outcome)
                results.append({"status": status, **body})
        return _batch_answer(results)

    def _read(
        self, kind: Kind, document: Any, batch: Received, key: str | None, number: int
    ) -> tuple[Item | Refusal, InvalidInput | None]:
        """One of a batch: an item, or its refusal and why."""
        received = Received(
            submission_id=new_id(batch.at),
            at=batch.at,
            channel=batch.channel,
            body=orjson.dumps(document),
            headers=batch.headers,
        )
        try:
            return READERS[kind](document, self._context(received, f"{key}#{number}" if key else None)), None
        except InvalidInput as error:
            return Refusal(received, error.reason, _explained(error)), error

    # -- forms -------------------------------------------------------------------------------------------------------

    async def _form(self, request: web.Request, kind: MediaType) -> web.Response:
        known = self._access.is_form(request.query.get("key", "")) or self._access.may_send(
            request.headers.get("Authorization")
        )
        received, whole = await self._receive(request, "web_form", MOST_BODY)
        item: Item | Refusal
        try:
            if not whole:
                raise too_large(MOST_BODY)
            fields = decode_form(received.body, kind)
            known = known or self._access.is_form(value_of(fields, FORM_KEY))
            if not known:
                return _unknown_sender()
            if value_of(fields, HONEYPOT):
                item = Refusal(received, "honeypot", f"a program filled in the hidden field {HONEYPOT}")
            else:
                item = lead_item(lead_document(fields), self._context(received, None))
        except InvalidInput as error:
            if not known:
                return _unknown_sender()
            await self._keep("lead", received, error)
            return form_problem(request, error, received.submission_id)
        if isinstance(item, Refusal):
            await self._intake.submit([item])
            telemetry.ITEMS.labels("lead", "refused").inc()
            # The program gets the page that a person would, so that it learns nothing.
            return page(pages.THANKS)
        status, body = await self._accept_one(item)
        return as_json(body, status) if wants_json(request) or status >= 400 else page(pages.THANKS)

    # -- erasure -----------------------------------------------------------------------------------------------------

    async def _erasure(self, request: web.Request) -> web.Response:
        """Forgets a person. A request that can't be read is not kept: it would keep whom it asks to forget."""
        if not self._access.may_administer(request.headers.get("Authorization")):
            return _unknown_sender()
        received, whole = await self._receive(request, "api", MOST_BODY)
        try:
            document = document_of(request, received.body, MOST_BODY, whole=whole)
            erasure = read_erasure(document, received, self._rules())
        except InvalidInput as error:
            return as_json(problem(error), error.status)
        try:
            receipt = await self._erase(erasure)
        except TRANSIENT as error:
            raise Unavailable("the database is away") from error
        if not receipt.results:
            return as_json(problem(NOBODY_TO_ERASE), NOBODY_TO_ERASE.status)
        telemetry.ITEMS.labels("erasure", "accepted").inc(len(receipt.results))
        return as_json({"erased": [result.lead_id for result in receipt.results]}, 202)

    # -- shared ------------------------------------------------------------------------------------------------------

    async def _receive(self, request: web.Request, channel: str, limit: int) -> tuple[Received, bool]:
        body, whole = await read_body(request, limit)
        now = self._clock.now()
        return Received(new_id(now), now, channel, body, request.headers), whole

    def _rules(self) -> Any:
        try:
            return self._policy().identity
        except LookupError as error:
            raise Unavailable(str(error)) from error

    def _context(self, received: Received, idempotency_key: str | None) -> InputContext:
        return InputContext(self._rules(), received, new_id(received.at), idempotency_key)

    async def _keep(self, kind: Kind, received: Received, error: InvalidInput) -> None:
        outcome = (await self._intake.submit([Refusal(received, error.reason, _explained(error))]))[0]
        if isinstance(outcome, Exception):
            raise outcome
        telemetry.ITEMS.labels(kind, "refused").inc()


def _guarded(handler: Handler) -> Handler:
    """Answers 503 when nothing could be stored, 400 when a body could not even be read."""

    async def guarded(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Unavailable as error:
            telemetry.ITEMS.labels("request", "unavailable").inc()
            return unavailable(request, error)
        except InvalidInput as error:
            return as_json(problem(error), error.status)

    return guarded


def _unknown_sender() -> web.Response:
    telemetry.UNAUTHENTICATED.inc()
    return unauthenticated()


def _answer_to(kind: Kind, outcome: Result | Exception) -> tuple[int, dict[str, Any]]:
    if isinstance(outcome, Exception):
        raise outcome
    telemetry.ITEMS.labels(kind, outcome.outcome).inc()
    if outcome.outcome == "unknown_lead":
        return UNKNOWN_LEAD.status, problem(UNKNOWN_LEAD, outcome.submission_id)
    return 202, accepted(outcome)


def _batch_answer(results: list[dict[str, Any]]) -> web.Response:
    """202 when all were accepted, 207 when each result must be looked at."""
    good = sum(result["status"] == 202 for result in results)
    body = {"accepted": good, "refused": len(results) - good, "results": results}
    return as_json(body, 202 if good == len(results) else 207)


def _explained(error: InvalidInput) -> str:
    fields = "; ".join(f"{each.pointer or '/'}: {each.reason}" for each in error.problems)
    return f"{error.detail}. {fields}" if fields else error.detail
