"""What changes from one policy to another, in the terms in which policies are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy import Policy

NAMES = ("id", "band")
"""Keys by which the items of a list are told apart, where they have one."""
UNSAID = ("version", "effective_at")
"""What a policy is called, not what it decides."""
LONGEST = 100
"""Characters of a value that are worth showing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; `before` or `after` is None where there is none.

    Attributes:
        key: such as `routing.rules[enterprise-uk].then.pool`.
    """

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key}: {_short(self.after)}"
        if self.after is None:
            return f"- {self.key}: {_short(self.before)}"
        return f"~ {self.key}: {_short(self.before)} → {_short(self.after)}"


def difference(before: Policy | None, after: Policy) -> list[Change]:
    """Returns every value that differs, in the order of the policy; nothing, where there is nothing to compare with."""
    return [] if before is None else list(compare(_decided(before), _decided(after)))


def _decided(policy: Policy) -> dict[str, Any]:
    return {key: value for key, value in policy.to_json().items() if key not in UNSAID}


def compare(old: Any, new: Any, key: str = "") -> Iterator[Change]:
    """Yields the changes from one JSON value to another. Lists whose items have names are compared item by item, and by
    their order: of rules the first that fits decides. What is new or gone as a whole is one change.
    """
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _by_name(old, new, lambda name: f"{key}.{name}" if key else str(name))
        return
    olds, news = _named(old), _named(new)
    if olds is None or news is None:
        yield Change(key, old, new)
        return
    kept = [name for name in olds if name in news]
    if list(news) != kept + [name for name in news if name not in olds]:
        yield Change(f"{key} (order)", list(olds), list(news))
    yield from _by_name(olds, news, lambda name: f"{key}[{name}]")


def _by_name(old: Mapping[str, Any], new: Mapping[str, Any], key_of: Any) -> Iterator[Change]:
    for name in (*new, *(name for name in old if name not in new)):
        yield from compare(old.get(name), new.get(name), key_of(name))


def _named(value: Any) -> dict[str, Any] | None:
    """Returns the list's items by their names; None where they have none."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return None
    for name in NAMES:
        found = {str(each[name]): each for each in value if isinstance(each.get(name), str)}
        if len(found) == len(value):
            return found
    return None


def _short(value: Any) -> str:
    text = " ".join(said(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def said(value: Any) -> str:
    """Returns a value as it would be written in a policy; what is not set is left out."""
    if isinstance(value, Mapping):
        parts = (f"{key}: {said(each)}" for key, each in value.items() if each not in (None, [], {}))
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(said, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
