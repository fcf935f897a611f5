"""How the counts of funnel stages change when a lead's ledger does."""

from __future__ import annotations

from collections import Counter

from services.metrics.domain.ledger import STAGES, Ledger

StageCount = tuple[str, str, str]
"""Stage, channel, band."""

UNKNOWN = "unknown"


def stages_reached(ledger: Ledger | None) -> frozenset[StageCount]:
    """The stages that count this lead, under its channel and latest band. Shadow leads count nowhere."""
    if ledger is None or ledger.mode == "shadow" or ledger.captured_at is None:
        return frozenset()
    channel, band = ledger.channel or UNKNOWN, ledger.band or UNKNOWN
    return frozenset((stage, channel, band) for stage in STAGES if _reached(ledger, stage))


def stage_count_changes(before: Ledger | None, after: Ledger | None) -> Counter[StageCount]:
    """What to add to each count, negative where the lead left it."""
    old, new = stages_reached(before), stages_reached(after)
    change: Counter[StageCount] = Counter(dict.fromkeys(new - old, 1))
    change.update(dict.fromkeys(old - new, -1))
    return change


def _reached(ledger: Ledger, stage: str) -> bool:
    if stage == "lost" and ledger.won_at is not None:
        return False  # lost first, won in the end
    return getattr(ledger, f"{stage}_at") is not None
