"""What is answered to a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from infra.http import CHALLENGE, as_json
from schemas.base import new_traceparent
from services.capture.domain.decode import media_type
from services.capture.domain.errors import InvalidInput
from services.capture.domain.resolve import Result
from services.capture.http import pages
from services.capture.intake import Unavailable


def accepted(result: Result) -> dict[str, Any]:
    """What the sender of an accepted item, or of its repeat, reads."""
    body = {
        "lead_id": result.lead_id,
        "submission_id": result.submission_id,
        "new": result.new,
        "trace": new_traceparent(result.submission_id)[3:35],
    }
    return {**body, "duplicate": True} if result.outcome == "duplicate" else body


def problem(error: InvalidInput, submission_id: str | None = None) -> dict[str, Any]:
    """What the sender of a refused item reads. `submission_id` finds it on `leads.rejected`."""
    body: dict[str, Any] = {
        "type": f"urn:leadstream:problem:{error.reason}",
        "title": error.reason.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.detail,
    }
    if error.problems:
        body["errors"] = [{"pointer": each.pointer, "reason": each.reason} for each in error.problems]
    if submission_id is not None:
        body["submission_id"] = submission_id
    return body


UNKNOWN_LEAD = InvalidInput("unknown_lead", "no lead has these identifiers; send the lead first", status=404)
NOBODY_TO_ERASE = InvalidInput("unknown_lead", "no lead has these identifiers: there is nobody to erase", status=404)
UNSTORABLE = InvalidInput("unstorable", "the database refuses a value in it", status=422)
UNAUTHENTICATED = InvalidInput(
    "unauthenticated", "send `Authorization: Bearer <token>`; a form, its key in `?key=` or a field `_key`", status=401
)


def unauthenticated() -> web.Response:
    """The answer to a sender we don't know."""
    return as_json(problem(UNAUTHENTICATED), 401, CHALLENGE)


def unavailable(request: web.Request, error: Unavailable) -> web.Response:
    """The answer when nothing could be stored."""
    again = {"Retry-After": str(error.retry_after)}
    if media_type(request.headers.get("Content-Type", "")).is_form and not wants_json(request):
        return page(pages.LATER, 503, again)
    refused = InvalidInput("unavailable", f"{error}; nothing was stored, send it again", status=503)
    return as_json(problem(refused), 503, again)


def wants_json(request: web.Request) -> bool:
    """Whether a form's sender asked for JSON rather than a page."""
    accept = request.headers.get("Accept", "")
    return "json" in accept and "text/html" not in accept


def page(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An HTML answer, which nothing may be run in or framed around."""
    safe = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
    return web.Response(text=html, status=status, content_type="text/html", headers={**safe, **(headers or {})})


def form_problem(request: web.Request, error: InvalidInput, submission_id: str | None) -> web.Response:
    """A form's refusal, as a page or as JSON."""
    if wants_json(request):
        return as_json(problem(error, submission_id), error.status)
    return page(pages.mistakes(error), error.status)
