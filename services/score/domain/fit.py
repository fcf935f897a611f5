"""Fit: does who the lead is match whom we sell to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policy import Fit
from policy.matching import LeadFacts, Predicate, compile_unless
from services.score.domain.contributions import Contribution, fixed_contribution


class FitRules(NamedTuple):
    """The fit section of a policy, compiled."""

    base: Contribution
    rules: tuple[tuple[Predicate, Contribution, str | None], ...]
    """Condition, the points it gives, and the group of which only one rule counts."""


def compile_fit(fit: Fit) -> FitRules:
    """Compiles the rules, in their order."""
    rules = tuple(
        (
            compile_unless(rule.when, rule.unless),
            fixed_contribution("fit", rule.id, rule.points, rule.reason),
            rule.group,
        )
        for rule in fit.rules
    )
    return FitRules(fixed_contribution("fit", "base", fit.base, "Every lead starts with these points"), rules)


def fit_contributions(fit: FitRules, facts: LeadFacts) -> Iterator[Contribution]:
    """Yields the points for each rule that holds; of a group, for the first."""
    yield fit.base
    settled: set[str] = set()
    for holds, contribution, group in fit.rules:
        if (group is None or group not in settled) and holds(facts):
            yield contribution
            if group is not None:
                settled.add(group)
