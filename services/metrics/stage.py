"""Metrics' part in the stream: every event into its lead's ledger, and the ledger into rows and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from typing_extensions import override

from policy import Policy
from runtime.stage import Change, Context, Decision, Input, Stage
from schemas.base import Event
from schemas.events import TOUCH_NOT_MADE, EventDead, InputRejected, LeadCaptured, LeadErased
from schemas.topics import (
    ASSIGNED,
    CAPTURED,
    DEAD,
    ENRICHED,
    ERASED,
    OUTCOMES,
    PARTITIONS,
    REJECTED,
    SCORED,
    SIGNALS,
    TOUCHED,
)
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger
from services.metrics.domain.tally import Tally
from services.metrics.store.batches import write_batch
from services.metrics.telemetry import BusinessMetrics


class MetricsStage(Stage[Ledger]):
    """Keeps the ledger; emits nothing."""

    name = "metrics"
    inputs = (CAPTURED, SIGNALS, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES, REJECTED, DEAD, ERASED)
    outputs = ()
    state_type = Ledger
    pace = 0.25  # nobody looks at a chart more often
    # A touch that was not made says only where the lead came from, and so does every event that led to it.
    ignores = TOUCH_NOT_MADE
    transactional = True

    def __init__(self, metrics: BusinessMetrics, partitions: int = PARTITIONS) -> None:
        self._metrics = metrics
        self._partitions = partitions

    @override
    def decide(self, item: Input, state: Ledger | None, ctx: Context) -> Decision[Ledger]:
        """Folds one event into its lead's ledger, or counts it where it belongs to no lead."""
        tally: Tally = ctx.shared
        match item:
            case InputRejected():
                tally.rejection(item)
                return Decision(state)
            case EventDead():
                tally.dead_letter(item)
                return Decision(state)
            case LeadErased():
                return Decision(None)
            case Event():
                after = fold(state, item)
            case _:
                raise TypeError(f"metrics sets no timers and asks for no effects, yet got {type(item).__name__}")
        if after is None:
            return Decision(state, dropped="repeated")
        if after is state:
            return Decision(state, dropped="nothing_new")
        if isinstance(item, LeadCaptured):
            tally.submission(item)
        return Decision(after)

    @override
    async def prepare(self, connection: psycopg.AsyncConnection[Any], items: Sequence[Input], policy: Policy) -> Tally:
        """Begins an empty tally for the batch."""
        return Tally()

    @override
    async def save(
        self, connection: psycopg.AsyncConnection[Any], shared: Tally, changes: Mapping[str, Change[Ledger]]
    ) -> None:
        """Writes the ledgers that changed and the batch's counts."""
        await write_batch(connection, shared, changes, self._partitions)

    @override
    def committed(self, shared: Tally, changes: Mapping[str, Change[Ledger]]) -> None:
        """Shows Prometheus what the batch did, now that it stands."""
        self._metrics.observe(shared, changes)
