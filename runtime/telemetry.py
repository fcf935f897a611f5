"""Every metric of the runtime, declared once. Labels are bounded and never personal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from runtime.decide import PartitionResult

SERVICE = ("service",)

EVENTS = Counter("leadstream_events_total", "Events that ended, by result.", ("service", "topic", "type", "result"))
BATCH_SECONDS = Histogram(
    "leadstream_batch_seconds",
    "One batch from read to committed.",
    SERVICE,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
BATCH_SIZE = Histogram(
    "leadstream_batch_size", "Inputs in one batch.", SERVICE, buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)
)
DELAY = Histogram(
    "leadstream_stage_delay_seconds",
    "From an event's time to its decision being committed here.",
    SERVICE,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)
LAG = Gauge("leadstream_lag", "Records not read yet.", ("service", "topic", "partition"))
OUTBOX = Gauge("leadstream_outbox_pending", "Events committed and not yet acknowledged by Kafka.", SERVICE)
DEAD = Counter("leadstream_dead_letters_total", "Records set aside.", ("service", "reason"))
FENCE_LOST = Counter("leadstream_fence_lost_total", "Batches discarded because another worker took over.", SERVICE)
GAP = Gauge("leadstream_sequence_gap", "1 while a topic stands still at a gap.", ("service", "topic"))
DUPLICATES = Counter("leadstream_duplicates_total", "Records read before, dropped.", ("service", "topic"))
TIMERS = Counter("leadstream_timers_due_total", "Timers that ran out.", SERVICE)
READY = Gauge("leadstream_ready", "1 while the worker can do its work.", SERVICE)
HOLDING = Gauge("leadstream_holding", "1 while nothing succeeds and the service keeps its position.", SERVICE)
PAUSED = Gauge("leadstream_paused", "1 while an operator has paused the service.", SERVICE)
OWNED = Gauge("leadstream_partitions_owned", "Partition numbers this worker owns.", SERVICE)
RETRIES = Counter("leadstream_retries_total", "Transient faults waited out.", ("service", "what"))
EFFECTS = Counter("leadstream_effects_total", "Effects performed outside.", ("service", "kind", "result"))


DELAYS_A_BATCH = 50
"""Delays of one partition's batch that are observed."""


def observe(service: str, outcome: PartitionResult[Any]) -> None:
    """Counts what a committed batch did."""
    for (topic, kind, result), count in outcome.counts.items():
        EVENTS.labels(service, topic, kind, result).inc(count)
        if result == "dead":
            DEAD.labels(service, "decide").inc(count)
    for _, _, reason, _, _ in outcome.decoded.dead:
        DEAD.labels(service, reason).inc()
    for topic, count in outcome.decoded.duplicates.items():
        DUPLICATES.labels(service, topic).inc(count)
    if outcome.decoded.timers:
        TIMERS.labels(service).inc(len(outcome.decoded.timers))
    delay = DELAY.labels(service)
    # Observing costs as much as deciding: of a large batch, a sample shows the same distribution.
    for seconds in outcome.delays[:: len(outcome.delays) // DELAYS_A_BATCH + 1]:
        delay.observe(seconds)


def observe_lag(service: str, lags: Mapping[tuple[str, int], int]) -> None:
    """Sets how far behind this worker is on the partitions it owns; partitions it lost disappear."""
    LAG.clear()
    for (topic, partition), lag in lags.items():
        LAG.labels(service, topic, str(partition)).set(lag)
