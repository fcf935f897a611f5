"""How a request is read: its body, its document, its headers that matter."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.client_exceptions import ClientPayloadError
from aiohttp.http_exceptions import BadHttpMessage

from services.capture.domain.decode import decode_json, media_type
from services.capture.domain.errors import FieldProblem, InvalidInput

MOST_BODY = 1_048_576
MOST_BATCH_BODY = 4 * 1_048_576
MOST_BATCH_ITEMS = 100

PREFIX_KEPT = 65_536
"""Bytes of a body longer than allowed that go to the rejected input."""


async def read_body(request: web.Request, limit: int) -> tuple[bytes, bool]:
    """The body, and whether that is all of it: of a longer one, only its beginning is read.

    Raises:
        InvalidInput: its compression or its chunks are broken.
    """
    declared = request.content_length
    too_long = declared is not None and declared > limit
    wanted = PREFIX_KEPT if too_long else limit
    parts, size = [], 0
    try:
        async for chunk in request.content.iter_any():
            parts.append(chunk)
            size += len(chunk)
            if size > wanted:
                return b"".join(parts)[:PREFIX_KEPT], False
    except (web.RequestPayloadError, ClientPayloadError, BadHttpMessage, ConnectionResetError):
        # After the last one nobody is there to be told; it is no fault of ours, and not worth a traceback.
        raise InvalidInput("malformed_body", "the body's compression or its chunks are broken") from None
    return b"".join(parts), not too_long


def too_large(limit: int) -> InvalidInput:
    """The error for a body over the limit, of which only the beginning was read."""
    return InvalidInput(
        "too_large",
        f"the body is larger than {limit} bytes; of it, the first {PREFIX_KEPT} are kept",
        status=413,
    )


def document_of(request: web.Request, body: bytes, limit: int, *, whole: bool) -> Any:
    if not whole:
        raise too_large(limit)
    kind = media_type(request.headers.get("Content-Type", ""))
    if not kind.is_json:
        raise InvalidInput("unsupported_media_type", "send JSON, with `Content-Type: application/json`", status=415)
    return decode_json(body, kind.charset)


def idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= 200 and key.isprintable()):
        raise InvalidInput("invalid_idempotency_key", "an Idempotency-Key is 1 to 200 printable characters")
    return key


def listed(document: Any, name: str) -> list[Any]:
    """The items of a batch: an array, or an object that holds one under the items' name."""
    listed = document.get(name) if isinstance(document, dict) and set(document) == {name} else document
    if not isinstance(listed, list):
        raise InvalidInput(
            "invalid_fields", f'send an array, or an object such as {{"{name}": […]}}', status=422,
            problems=[FieldProblem("", "must be an array")],
        )  # fmt: skip
    if not 0 < len(listed) <= MOST_BATCH_ITEMS:
        raise InvalidInput(
            "invalid_batch", f"a batch holds 1 to {MOST_BATCH_ITEMS} items, this one {len(listed)}", status=422
        )
    return listed
