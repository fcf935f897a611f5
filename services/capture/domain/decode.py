"""From bytes to plain values. Whatever the bytes are, `InvalidInput` is the only error raised."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from email.message import Message
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from services.capture.domain.errors import InvalidInput

DEEPEST = 32
"""Levels of arrays and objects that a document may have; ours have four."""

MOST_FORM_FIELDS = 250

JSON_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
FORM_CHARSETS = JSON_CHARSETS | {"iso-8859-1", "latin1", "windows-1252", "cp1252"}

FormFields = list[tuple[str, str]]
"""Names and values of a form in the order they were sent; a name may come several times."""


class MediaType(NamedTuple):
    """A `Content-Type` header, read."""

    name: str
    charset: str = "utf-8"
    boundary: str = ""

    @property
    def is_json(self) -> bool:
        """`application/json` and its derivatives."""
        return self.name == "application/json" or (self.name.startswith("application/") and self.name.endswith("+json"))

    @property
    def is_form(self) -> bool:
        """What an HTML form sends."""
        return self.name in ("application/x-www-form-urlencoded", "multipart/form-data")


@lru_cache(maxsize=256)
def media_type(header: str) -> MediaType:
    """Reads a `Content-Type` header; one that can't be read has the name `unknown`."""
    if not header.isascii() or len(header) > 500:
        return MediaType("unknown")
    message = Message()
    message["content-type"] = header
    charset, boundary = message.get_param("charset", "utf-8"), message.get_param("boundary", "")
    if not isinstance(charset, str) or not isinstance(boundary, str):  # RFC 2231 forms that nobody sends
        return MediaType("unknown")
    return MediaType(message.get_content_type() if "/" in header else "unknown", charset.lower(), boundary)


def decode_json(body: bytes, charset: str = "utf-8") -> Any:
    """Reads a JSON document of at most `DEEPEST` levels.

    Raises:
        InvalidInput: it is empty, not UTF-8, not JSON (lone surrogates included), or too deep.
    """
    if charset not in JSON_CHARSETS:
        raise InvalidInput("wrong_charset", "JSON is sent in UTF-8", status=415)
    if not body.strip():
        raise InvalidInput("empty", "the body is empty; send a JSON object")
    try:
        document = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        raise _malformed(body, error.msg) from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and _deeper_than(document, DEEPEST):
        raise InvalidInput("too_deep", f"the document is nested more than {DEEPEST} levels deep")
    return document


def _malformed(body: bytes, why: str) -> InvalidInput:
    try:
        body.decode()
    except UnicodeDecodeError:
        return InvalidInput("wrong_charset", "the body is not encoded in UTF-8")
    return InvalidInput("malformed_json", f"the body is not JSON: {why}")


def _deeper_than(document: Any, levels: int) -> bool:
    layer = [document]
    for _ in range(levels):
        layer = [
            child
            for node in layer
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not layer:
            return False
    return True


def decode_form(body: bytes, kind: MediaType) -> FormFields:
    """Reads what an HTML form sends, in either of its encodings.

    Raises:
        InvalidInput: it is empty, in an unknown charset, malformed, or has too many fields or files.
    """
    if kind.charset not in FORM_CHARSETS:
        raise InvalidInput("wrong_charset", "forms are sent in UTF-8, ISO-8859-1 or windows-1252", status=415)
    if not body.strip():
        raise InvalidInput("empty", "the form is empty")
    if kind.name == "multipart/form-data":
        return _multipart(body, kind)
    if body.count(b"&") >= MOST_FORM_FIELDS:
        raise _too_many_fields()
    # Undecoded bytes are never valid in this encoding, yet browsers' and libraries' mistakes should still be read.
    text = _text(body, kind.charset)
    try:
        fields = parse_qsl(text, keep_blank_values=True, encoding=kind.charset, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise _not_in(kind.charset) from None
    return [(name, value) for name, value in fields if name]


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        raise _not_in(charset) from None


def _not_in(charset: str) -> InvalidInput:
    return InvalidInput("wrong_charset", f"the form is not encoded in {charset}")


def _too_many_fields() -> InvalidInput:
    return InvalidInput("too_many_fields", f"a form may have {MOST_FORM_FIELDS} fields", status=422)


def _multipart(body: bytes, kind: MediaType) -> FormFields:
    fields: FormFields = []
    try:
        with PushMultipartParser(kind.boundary, max_segment_count=MOST_FORM_FIELDS) as parser:
            for segment, content in _segments(parser.parse(body)):
                if segment.filename:
                    raise InvalidInput(
                        "file_refused", "files can't be taken; send a link to the file instead", status=422
                    )
                if segment.name and segment.filename is None:
                    fields.append((segment.name, _text(content, kind.charset)))
    except ParserLimitReached:
        raise _too_many_fields() from None
    except (MultipartError, UnicodeError):
        raise InvalidInput("malformed_form", "the body is not multipart/form-data") from None
    return fields


def _segments(events: Iterable[Any]) -> Iterator[tuple[Any, bytes]]:
    """Puts the parser's events together: per part its header, its content in pieces, and None at its end."""
    segment: Any = None
    content: list[bytes] = []
    for event in events:
        if isinstance(event, MultipartSegment):
            segment, content = event, []
        elif event is not None:
            content.append(bytes(event))
        else:
            yield segment, b"".join(content)
