"""HTML forms: known fields find their place whatever they are called, all others become answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from services.capture.domain.decode import FormFields
from services.capture.domain.errors import InvalidInput
from services.capture.domain.fields import target_of

HONEYPOT = "_gotcha"
"""A field that people don't see; who fills it in is a program."""

FORM_KEY = "_key"
RESERVED = {"_id": "id", "_source": "source", HONEYPOT: None, FORM_KEY: None, "_charset_": None}
"""Hidden fields with a meaning of their own, and which of our fields they are."""

LONGEST_FIELD = 1_000
_NO = frozenset({"", "0", "no", "off", "false", "n", "nein", "non"})
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER = re.compile(r"\d{1,8}")


def value_of(fields: FormFields, name: str) -> str:
    """The value of a reserved field, empty when it is missing."""
    return next((value.strip() for key, value in fields if key == name), "")


def lead_document(fields: FormFields) -> dict[str, Any]:
    """The form as the document that the direct API takes.

    Values of one name are joined. What a known field can't hold (a text too long, a number that is none) is kept
    among the answers, as are all fields we don't know.

    Raises:
        InvalidInput: no field is filled in, or it is JSON.
    """
    if any(name.startswith("{") for name, _ in fields):
        raise InvalidInput("malformed_form", "this looks like JSON; send it with `Content-Type: application/json`")
    document: dict[str, Any] = {}
    answers: dict[str, str] = {}
    for name, value in _joined(fields):
        target = RESERVED[name] if name in RESERVED else target_of(name)
        placed = target != "submitted_at" and place(document, target, value)
        if not placed and name not in RESERVED:
            answers[name[:200]] = value
    if not document and not answers:
        raise InvalidInput("empty", "no field of the form is filled in", status=422)
    if answers:
        document["answers"] = answers
    return document


def _joined(fields: FormFields) -> Iterable[tuple[str, str]]:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        # Control characters have no place in what a person types; NUL can't even be stored.
        text = _NOT_TEXT.sub("", value).strip()
        key = _NOT_TEXT.sub("", name).strip()
        if text and key:
            values.setdefault(key, []).append(text)
    return ((name, ", ".join(dict.fromkeys(texts))) for name, texts in values.items())


def place(document: dict[str, Any], target: str | None, text: str) -> bool:
    """Puts a value where it belongs; False when there is no such place, or it is taken or unfit."""
    if target is None:
        return False
    value: Any = _value(target, text)
    group, dot, field = target.partition(".")
    if not dot:
        group, field = "", target
    holder = document.setdefault(group, {}) if group and value is not None else document
    if value is None or field in holder:
        return False
    holder[field] = value
    return True


def _value(target: str, text: str) -> Any:
    """The value in the field's type; None when it does not fit. A ticked box says `on`, or any other text."""
    if target == "consent.marketing":
        return text.casefold() not in _NO
    if target == "company.employees":
        digits = text.replace(",", "").replace(".", "").replace(" ", "")
        return int(digits) if _NUMBER.fullmatch(digits) and int(digits) <= 10_000_000 else None
    if len(text) > LONGEST_FIELD and target != "message":
        return None
    return text
