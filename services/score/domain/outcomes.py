"""What became of the lead moves its fit and intent: what sales learned outweighs what we guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policy import OutcomeAdjustment
from policy.matching import words_of
from services.score.domain.contributions import Contribution, faded, to_tenths
from services.score.domain.milliseconds import duration_ms
from services.score.domain.recent_set import OutcomeEntry


class Adjustment(NamedTuple):
    """One adjustment of a policy, compiled. `fit` and `intent` in points, `half_life` in milliseconds."""

    code: str
    kinds: frozenset[str]
    phrases: tuple[str, ...]
    fit: int
    intent: int
    half_life: int | None
    """None: it never fades."""
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
            half_life=duration_ms(each.half_life) if each.half_life else None,
            reason=each.reason,
        )
        for each in adjustments
    )


def outcome_contributions(
    adjustments: tuple[Adjustment, ...], outcomes: tuple[OutcomeEntry, ...], as_of: int
) -> Iterator[Contribution]:
    """Yields the points of each adjustment that a recorded outcome meets, faded since the newest of them.

    Each belongs to the part it moves, fit or intent, so that the contributions of a part add up to its score.
    """
    for each in adjustments:
        met = next((outcome for outcome in outcomes if _meets(outcome, each)), None)
        if met is None:
            continue
        left = faded(as_of - met[0], each.half_life) if each.half_life else 1.0
        if each.fit:
            yield Contribution("fit", each.code, to_tenths(each.fit * left), each.reason, 1, met[0])
        if each.intent:
            yield Contribution("intent", each.code, to_tenths(each.intent * left), each.reason, 1, met[0])


def _meets(outcome: OutcomeEntry, adjustment: Adjustment) -> bool:
    _, _, kind, words = outcome
    if kind not in adjustment.kinds:
        return False
    return not adjustment.phrases or any(phrase in words for phrase in adjustment.phrases)
