"""Fit: does who the lead is match whom we sell to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policy import Fit
from policy.matching import Facts, Predicate, compile_unless
from services.score.domain.lines import Line, fixed_line


class FitRules(NamedTuple):
    """The fit section of a policy, compiled."""

    base: Line
    rules: tuple[tuple[Predicate, Line, str | None], ...]
    """Condition, the points it gives, and the group of which only one rule counts."""


def compile_fit(fit: Fit) -> FitRules:
    """Compiles the rules, in their order."""
    rules = tuple(
        (
            compile_unless(rule.when, rule.unless),
            fixed_line("fit", rule.id, rule.points, rule.reason),
            rule.group,
        )
        for rule in fit.rules
    )
    return FitRules(fixed_line("fit", "base", fit.base, "Every lead starts with these points"), rules)


def fit_lines(fit: FitRules, facts: Facts) -> Iterator[Line]:
    """The points for each rule that holds; of a group, for the first."""
    yield fit.base
    settled: set[str] = set()
    for holds, line, group in fit.rules:
        if (group is None or group not in settled) and holds(facts):
            yield line
            if group is not None:
                settled.add(group)
