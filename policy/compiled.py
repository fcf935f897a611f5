"""Parts of a policy are compiled when they are first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from policy.types import PolicyModel

P = TypeVar("P", bound=PolicyModel)
C = TypeVar("C")

KEPT = 8
"""A service that replays the log under the policies of its time goes back and forth between few."""


def compiled_once(compile_part: Callable[[P], C]) -> Callable[[P], C]:
    """Remembers what `compile_part` made of the policies last used.

    A policy never changes, so the object stands for its content; to compare the content would take longer than most
    decisions do.
    """
    known: list[tuple[P, C]] = []

    def compiled(part: P) -> C:
        for each, result in known:
            if each is part:
                return result
        result = compile_part(part)
        known.insert(0, (part, result))
        del known[KEPT:]
        return result

    return compiled
