"""Why input can't become an event, said so that its sender can mend it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from pydantic import ValidationError

MOST_PROBLEMS = 50
"""How many wrong fields are named in one answer."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field, and where it stands (RFC 6901 JSON pointer; empty: the whole document)."""

    pointer: str
    reason: str


class InvalidInput(Exception):  # named for the state
    """Input that can't become an event.

    `reason` is a code that programs and metrics may rely on, `detail` a sentence for people; neither repeats what
    was submitted. `status` is the HTTP status that fits.
    """

    def __init__(self, reason: str, detail: str, *, status: int = 400, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.status = status
        self.problems = tuple(problems)


def invalid_fields(problems: Sequence[FieldProblem]) -> InvalidInput:
    """The error for a document that could be read and has wrong fields."""
    count = len(problems)
    fields = "one field" if count == 1 else f"{count} fields"
    return InvalidInput("invalid_fields", f"{fields} can't be accepted; see `errors`", status=422, problems=problems)


def pointer(parts: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a place in a document.

    >>> pointer(["person", "answers", "a/b~c"])
    '/person/answers/a~1b~0c'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def problems_of(error: ValidationError, document: Any, known: Collection[str] = ()) -> tuple[FieldProblem, ...]:
    """What a failed validation says, per field of `document`; `known` names serve to guess misspelt ones."""
    found = islice(_problems(error, document, known), MOST_PROBLEMS)
    return tuple(dict.fromkeys(found))


def _problems(error: ValidationError, document: Any, known: Collection[str]) -> Iterator[FieldProblem]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place = _place(each["loc"], document, missing=each["type"] == "missing")
        yield FieldProblem(pointer(place), _reason(each["type"], each["msg"], each["loc"], known))


def _reason(kind: str, message: str, place: Sequence[str | int], known: Collection[str]) -> str:
    if kind in _PLAINLY:
        return _PLAINLY[kind]
    if kind == "extra_forbidden":
        near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.7)
        return f"unknown field; did you mean `{near[0]}`?" if near else "unknown field"
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]


_PLAINLY = {
    "missing": "required",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "timezone_aware": "needs its offset from UTC, as in 2026-03-01T09:30:00Z",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}
"""What the validator says in its own terms, in ours."""


def _place(steps: Sequence[str | int], document: Any, *, missing: bool) -> list[str | int]:
    """The part of a validator's location that exists in the document: without names of union branches and keys."""
    place: list[str | int] = []
    node = document
    for step in steps:
        inside = (isinstance(node, Mapping) and step in node) or (
            isinstance(node, list) and isinstance(step, int) and step < len(node)
        )
        if not inside:
            if missing:
                place.append(step)
            break
        place.append(step)
        node = node[step]
    return place
