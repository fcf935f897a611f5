"""When a quiet lead's fading score is to be computed anew."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from policy import Recompute
from services.score.domain.milliseconds import duration_ms
from services.score.domain.state import ScoreState, Standing


class DecayRules(NamedTuple):
    """When a score that only fades is computed anew, and when it is emitted."""

    every: int
    """Milliseconds."""
    min_change: int
    """Points of the total."""


def compile_decay(recompute: Recompute) -> DecayRules:
    """Compiles the policy's rules."""
    return DecayRules(duration_ms(recompute.every), recompute.min_change)


def next_due(rules: DecayRules, lead_id: str, state: ScoreState, standing: Standing) -> int:
    """Returns when to compute anew, in milliseconds since 1970; 0: never, for the lead is cold or nothing fades.

    The wait is `every`, and half the time that the lead has been quiet once that is longer: what fades
    exponentially changes ever more slowly. It ends on the lead's own grid of `every`, so that activity within
    one interval sets no new timer, and the timers of many leads are spread out.
    """
    if standing.band == "cold" or standing.intent == 0:
        return 0
    as_of, every = state.as_of, rules.every
    earliest = as_of + max(every, (as_of - state.latest) // 2)
    return earliest + (crc32(lead_id.encode()) * 1000 - earliest) % every


def should_emit(rules: DecayRules, last_emitted: Standing, now: Standing) -> bool:
    """Returns whether a fading score has changed enough since it was last emitted."""
    return (
        abs(now.total - last_emitted.total) >= rules.min_change
        or now.band != last_emitted.band
        or now.tier != last_emitted.tier
        or now.qualification != last_emitted.qualification
    )
