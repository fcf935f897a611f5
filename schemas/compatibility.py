"""Whether readers of a new schema understand everything that was written under an old one.

Consumers read all of the log, so this must hold between the newest schema and every one ever released. Beyond what
would be refused, it reports what would be lost silently: a field that is gone or has another name is no longer read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset({"$defs", "$id", "$schema", "default", "deprecated", "description", "examples", "title"})
_SAME_OR_ABSENT = ("pattern", "format", "contentEncoding", "multipleOf", "uniqueItems", "not", "if", "then", "else")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_STRUCTURE = ("type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems")
_KNOWN = _ANNOTATIONS.union(_SAME_OR_ABSENT, _UPPER, _LOWER, _STRUCTURE, {"$ref", "anyOf", "discriminator"})


class Break(NamedTuple):
    """One reason why old events would be refused, or lose something."""

    at: str
    """Where in the event, such as `/data/origin/channel`; `[]` is any item, `*` any further property."""
    what: str


class UnknownKeywordError(Exception):
    """A schema uses a keyword that the comparison does not know, and must not pass over."""


def breaks(old: Schema, new: Schema) -> list[Break]:
    """What of the events written under `old` a reader of `new` would refuse or lose.

    Raises:
        UnknownKeywordError: one of them uses a keyword that can't be compared; teach it to this module.
    """
    return list(_Comparison(old, new).compare(old, new, ""))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._roots = old, new
        self._under_way: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        for schema in (old, new):
            unknown = set(schema) - _KNOWN
            if unknown:
                raise UnknownKeywordError(f"{at or '/'}: compatibility of {sorted(unknown)} is not known")
        if "$ref" in old or "$ref" in new:
            yield from self._referenced(old, new, at)
        elif "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(old, new, at)
        else:
            for check in _CHECKS:
                yield from check(old, new, at)
            yield from self._object(old, new, at)
            yield from self._array(old, new, at)

    def _referenced(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        names = old.get("$ref", at), new.get("$ref", at)
        if names in self._under_way:  # a type within itself; it is being compared already
            return
        self._under_way.add(names)
        yield from self.compare(_resolved(old, self._roots[0]), _resolved(new, self._roots[1]), at)
        self._under_way.discard(names)

    def _alternatives(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        accepted = new.get("anyOf", [new])
        for written in old.get("anyOf", [old]):
            found = [list(self.compare(written, candidate, at)) for candidate in accepted]
            if all(found):
                yield from min(found, key=len)

    def _object(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                yield from self.compare(schema, after[name], f"{at}/{name}")
            else:
                yield Break(f"{at}/{name}", "is gone or has another name: what old events say there is lost")
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield Break(f"{at}/{name}", "is required now: old events may lack it")
        yield from self._nested("additionalProperties", old, new, f"{at}/*")

    def _array(self, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        yield from self._nested("items", old, new, f"{at}/[]")
        before, after = old.get("prefixItems", ()), new.get("prefixItems", ())
        for index, schema in enumerate(after):
            if index < len(before):
                yield from self.compare(before[index], schema, f"{at}/{index}")
            else:
                yield Break(f"{at}/{index}", "has a type now that old events need not have")

    def _nested(self, keyword: str, old: Schema, new: Schema, at: str) -> Iterator[Break]:
        """Compares what a keyword says that is a schema, or true for anything and false for nothing."""
        before, after = old.get(keyword, True), new.get(keyword, True)
        if after is True or before is False:
            return
        if after is False or before is True:
            yield Break(at, f"{keyword} is narrower than it was")
        else:
            yield from self.compare(before, after, at)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """What a reference stands for; the annotations beside it say nothing of what is accepted."""
    if "$ref" not in schema:
        return schema
    beside = set(schema) - _ANNOTATIONS - {"$ref"}
    if beside:
        raise UnknownKeywordError(f"{sorted(beside)} beside a $ref can't be compared")
    found: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return found


def _type(old: Schema, new: Schema, at: str) -> Iterator[Break]:
    before, after = _types(old), _types(new)
    if after is not None and (before is None or not before <= after):
        said = "anything" if before is None else "/".join(sorted(before))
        yield Break(at, f"was {said} and must be {'/'.join(sorted(after))} now")


def _types(schema: Schema) -> set[str] | None:
    """The types a schema accepts; None for any."""
    said = schema.get("type")
    if said is None:
        return None
    found = {said} if isinstance(said, str) else set(said)
    return found | {"integer"} if "number" in found else found


def _values(old: Schema, new: Schema, at: str) -> Iterator[Break]:
    before, after = _allowed(old), _allowed(new)
    if after is None:
        return
    if before is None:
        yield Break(at, f"may only be one of {after} now")
        return
    gone = [value for value in before if value not in after]
    if gone:
        yield Break(at, f"may no longer be {', '.join(map(str, gone))}")


def _allowed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _limits(old: Schema, new: Schema, at: str) -> Iterator[Break]:
    for keyword in _UPPER:
        if keyword in new and (keyword not in old or new[keyword] < old[keyword]):
            yield Break(at, f"{keyword} is {new[keyword]} now, and was {old.get(keyword, 'unlimited')}")
    for keyword in _LOWER:
        if keyword in new and (keyword not in old or new[keyword] > old[keyword]):
            yield Break(at, f"{keyword} is {new[keyword]} now, and was {old.get(keyword, 'unlimited')}")


def _conditions(old: Schema, new: Schema, at: str) -> Iterator[Break]:
    for keyword in _SAME_OR_ABSENT:
        if keyword in new and new[keyword] != old.get(keyword):
            yield Break(at, f"{keyword} has changed")


_CHECKS: tuple[Callable[[Schema, Schema, str], Iterator[Break]], ...] = (_type, _values, _limits, _conditions)
