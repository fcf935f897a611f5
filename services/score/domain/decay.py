"""When a quiet lead's fading score is to be computed anew."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from policy import Recompute
from services.score.domain.intent import milliseconds
from services.score.domain.state import ScoreState, Standing


class DecayRules(NamedTuple):
    """How often (milliseconds), and how many points of total are worth telling."""

    every: int
    min_change: int


def compile_decay(recompute: Recompute) -> DecayRules:
    """The policy's rules, in milliseconds."""
    return DecayRules(milliseconds(recompute.every), recompute.min_change)


def next_due(rules: DecayRules, lead_id: str, state: ScoreState, standing: Standing) -> int:
    """When to compute anew, in milliseconds since 1970; 0: never, for the lead is cold or nothing is left to fade.

    The wait is `every`, and half the time that the lead has been quiet once that is longer: what fades
    exponentially changes ever more slowly. It ends on the lead's own grid of `every`, so that activity within
    one interval sets no new timer, and the timers of many leads are spread out.
    """
    if standing.band == "cold" or standing.intent == 0:
        return 0
    as_of, every = state.as_of, rules.every
    earliest = as_of + max(every, (as_of - state.latest) // 2)
    return earliest + (crc32(lead_id.encode()) * 1000 - earliest) % every


def worth_telling(rules: DecayRules, told: Standing, now: Standing) -> bool:
    """Whether a fading score has changed enough since it was last told."""
    return (
        abs(now.total - told.total) >= rules.min_change
        or now.band != told.band
        or now.tier != told.tier
        or now.qualification != told.qualification
    )
