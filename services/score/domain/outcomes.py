"""What became of the lead moves its fit and intent: what sales learned outweighs what we guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policy import OutcomeAdjustment
from policy.matching import words_of
from services.score.domain.intent import milliseconds
from services.score.domain.lines import Line, faded, to_tenths
from services.score.domain.marks import OutcomeMark


class Adjustment(NamedTuple):
    """One adjustment of a policy, compiled."""

    code: str
    kinds: frozenset[str]
    phrases: tuple[str, ...]
    fit: int
    intent: int
    half_life: int | None
    reason: str


def compile_outcomes(adjustments: Iterable[OutcomeAdjustment]) -> tuple[Adjustment, ...]:
    """Compiles the adjustments, in their order."""
    return tuple(
        Adjustment(
            code=f"outcome:{each.id}",
            kinds=frozenset(each.outcome),
            phrases=tuple(words_of(phrase) for phrase in each.reason_contains),
            fit=each.fit,
            intent=each.intent,
            half_life=milliseconds(each.half_life) if each.half_life else None,
            reason=each.reason,
        )
        for each in adjustments
    )


def outcome_lines(adjustments: tuple[Adjustment, ...], outcomes: tuple[OutcomeMark, ...], as_of: int) -> Iterator[Line]:
    """The points of each adjustment that a recorded outcome meets, faded since the newest of them.

    They are lines of the part they move, fit or intent, so that the lines of a part add up to its score.
    """
    for each in adjustments:
        met = next((outcome for outcome in outcomes if _meets(outcome, each)), None)
        if met is None:
            continue
        left = faded(as_of - met[0], each.half_life) if each.half_life else 1.0
        if each.fit:
            yield Line("fit", each.code, to_tenths(each.fit * left), each.reason, 1, met[0])
        if each.intent:
            yield Line("intent", each.code, to_tenths(each.intent * left), each.reason, 1, met[0])


def _meets(outcome: OutcomeMark, adjustment: Adjustment) -> bool:
    _, _, kind, words = outcome
    if kind not in adjustment.kinds:
        return False
    return not adjustment.phrases or any(phrase in words for phrase in adjustment.phrases)
