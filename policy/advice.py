"""What is wrong in a policy, in the words of those who edit it, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from policy import Policy, Problem

JsonSchema = dict[str, Any]

_WANTED = {
    "int_type": "must be a whole number, such as 10",
    "int_from_float": "must be a whole number, such as 10",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list, such as [a, b], or one line each with a leading `-`",
    "model_type": "must be a block of `key: value` lines",
    "dict_type": "must be a block of `key: value` lines",
    "mapping_type": "must be a block of `key: value` lines",
    "datetime_type": "must be a date and time, such as 2026-09-01T00:00:00Z",
    "datetime_parsing": "must be a date and time, such as 2026-09-01T00:00:00Z",
    "datetime_from_date_parsing": "must be a date and time, such as 2026-09-01T00:00:00Z",
    "timezone_aware": "must say its time zone, such as 2026-09-01T00:00:00Z",
    "too_short": "must have at least one entry",
    "string_too_short": "must not be empty",
}
"""What is wanted, by pydantic's type of error."""

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
    "string_too_long": ("max_length", "of so many characters at most:"),
}
_QUOTED = re.compile(r"'([^']*)'")


class Advice(NamedTuple):
    """A problem's message and hint, and the key or value that was probably meant."""

    message: str
    hint: str = ""
    meant: str | None = None


def advise(detail: ErrorDetails) -> Advice:
    """Puts one of pydantic's errors on a `Policy` into words."""
    kind, given = detail["type"], detail["input"]
    if kind in _SPECIAL:
        return _SPECIAL[kind](detail)
    if given is None:
        key = next((step for step in reversed(detail["loc"]) if isinstance(step, str)), "policy")
        return Advice(f"`{key}` has no value", "give it one, or delete the line")
    if kind in _WANTED:
        quotes = kind == "string_type" and not isinstance(given, dict | list)
        return Advice(f"{_WANTED[kind]}, not {_described(given)}", "put it in quotes" if quotes else "")
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return Advice(f"must be {words} {detail['ctx'][limit]}, not {_described(given)}")
    return Advice(detail["msg"].removeprefix("Value error, "))


def _unknown_key(detail: ErrorDetails) -> Advice:
    key = str(detail["loc"][-1])
    return _unknown(f"unknown key `{key}`", key, _keys(detail["loc"][:-1]))


def _missing(detail: ErrorDetails) -> Advice:
    return Advice(f"`{detail['loc'][-1]}` is missing")


def _impossible(detail: ErrorDetails) -> Advice:
    given, possible = detail["input"], _QUOTED.findall(detail["ctx"]["expected"])
    if isinstance(given, str):
        return _unknown(f"`{given}` is not possible here", given, possible)
    what = "has no value" if given is None else f"can't be {_described(given)}"
    return Advice(what, f"possible: {', '.join(possible)}")


def _misshapen(detail: ErrorDetails) -> Advice:
    examples = _node(detail["loc"]).get("examples", ())
    hint = f"write it like {' or '.join(f'`{example}`' for example in examples)}" if examples else ""
    return Advice(f"`{detail['input']}` does not have the right form", hint)


_SPECIAL: dict[str, Callable[[ErrorDetails], Advice]] = {
    "extra_forbidden": _unknown_key,
    "invalid_key": _unknown_key,
    "missing": _missing,
    "literal_error": _impossible,
    "string_pattern_mismatch": _misshapen,
}


def advise_reference(problem: Problem) -> Advice:
    """Puts a reference that leads nowhere into words."""
    if problem.wrong is None:
        return Advice(problem.message)
    return _unknown(problem.message, problem.wrong, problem.known)


def _unknown(message: str, given: str, known: Iterable[str]) -> Advice:
    known = tuple(known)
    close = get_close_matches(given.lower().replace(" ", "_"), known, n=1, cutoff=0.6)
    if close:
        return Advice(message, f"did you mean `{close[0]}`?", close[0])
    return Advice(message, f"possible: {', '.join(known)}" if known else "there are none yet")


def _described(given: Any) -> str:
    match given:
        case bool():
            return "true" if given else "false"
        case int() | float():
            return f"the number {given}"
        case str():
            return f"the text `{given if len(given) <= 40 else given[:40] + '…'}`"
        case dict():
            return "a block of `key: value` lines"
        case _:
            return "a list"


# ── what the model expects at a place ─────────────────────────────────────────────────────────────


@cache
def _schema() -> JsonSchema:
    return Policy.model_json_schema()


def _resolved(node: JsonSchema) -> JsonSchema:
    """`node` without references and without the `null` of what may be left out."""
    while True:
        if "$ref" in node:
            definition: JsonSchema = _schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
            node = definition
        elif "anyOf" in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        else:
            return node


def _node(place: tuple[int | str, ...]) -> JsonSchema:
    node = _resolved(_schema())
    for step in place:
        if isinstance(step, int):
            node = _resolved(node.get("items", {}))
        elif step != "[key]":
            node = _resolved(node.get("properties", {}).get(step) or node.get("additionalProperties") or {})
    return node


def _keys(place: tuple[int | str, ...]) -> tuple[str, ...]:
    return tuple(_node(place).get("properties", {}))
