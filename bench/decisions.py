"""Processor time of each service's part in one lead's way, without any server: where a lead's milliseconds go.

The leads' events are made by the services themselves, one after the other. Each stage is then timed over all of the
events that it reads: decoding, deciding, and encoding of events and states.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Sequence
from cProfile import Profile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pstats import Stats
from time import process_time
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from bench.leads import bodies
from bench.report import Result, say
from bench.servers import POLICY
from infra.partitioner import partition_of
from policy import Policy
from policy.loading import load_policy
from runtime.decide import decide, gather
from runtime.decode import BatchContext as Frame
from runtime.decode import PartitionBatch, Read, decode, inputs_of
from runtime.fence import Commit, FenceRow
from runtime.sequence import headers_of
from runtime.stage import Input, Stage
from schemas.topics import CAPTURED, PARTITIONS
from services.capture.domain.items import Item, Received
from services.capture.domain.resolve import resolve
from services.capture.domain.submissions import InputContext, lead_item
from services.capture.ids import new_id
from services.enrich.stage import EnrichStage
from services.metrics.domain.tally import Tally
from services.metrics.stage import MetricsStage
from services.metrics.telemetry import BusinessMetrics
from services.nurture.domain.limits import SenderDays
from services.nurture.stage import NurtureStage
from services.nurture.store import Batch
from services.route.domain.turns import PoolTurns, Turns
from services.route.stage import RouteStage
from services.route.store import SharedState
from services.score.stage import ScoreStage

LEADS, ROUNDS = 400, 10
BATCH = 500
NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
"""A Tuesday, in business hours."""


@dataclass(slots=True)
class Made:
    """A record as a consumer gives it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class Cost:
    """Microseconds a lead and events read a lead."""

    lead_us: float
    events: float
    state_bytes: float

    @property
    def event_us(self) -> float:
        """Microseconds an event."""
        return self.lead_us / self.events


@dataclass
class Log:
    """The topics, in memory."""

    topics: dict[str, list[Made]] = field(default_factory=lambda: defaultdict(list))

    def append(self, topic: str, key: bytes, value: bytes) -> None:
        """Adds a record."""
        records = self.topics[topic]
        stamp = headers_of(b"upstream@bench", len(records) + 1)
        records.append(Made(partition_of(key, PARTITIONS), len(records), key, value, stamp))


def _shared(stage: Stage[Any], inputs: Sequence[Input], policy: Policy) -> Any:
    """What the stage's `prepare` would have read from the database."""
    match stage:
        case RouteStage():
            return SharedState(Turns({pool: PoolTurns() for pool in stage.plan_locks(inputs, policy)[0].pools}))
        case NurtureStage():
            return Batch(SenderDays({}), {})
        case MetricsStage():
            return Tally()
        case _:
            return None


STAGES: tuple[Callable[[], Stage[Any]], ...] = (
    EnrichStage,
    ScoreStage,
    RouteStage,
    NurtureStage,
    lambda: MetricsStage(BusinessMetrics(CollectorRegistry())),
)


def costs(leads: int, rounds: int) -> dict[str, Cost]:
    """Each service's, the best of several rounds, so that whoever else uses the machine counts for little."""
    policy = load_policy(POLICY)
    log, found = Log(), {}
    best, items = min(_capture(leads, policy) for _ in range(rounds)), _items(leads, policy)
    found["capture"] = Cost(best / leads * 1_000_000, 1, 0)
    for row in resolve(items, {}, {}).rows:
        log.append(row.topic, row.key, row.value)
    for make in STAGES:
        found[make().name], commits = _stage(make, log, policy, rounds)
        for commit in commits:
            for out in commit.outbox:
                log.append(out.topic, out.key, out.value)
    return found


def profile(service: str, rows: int = 25) -> str:
    """Where a service's own work on a lead goes: functions by their own time.

    Raises:
        ValueError: no such service decides about events.
    """
    policy = load_policy(POLICY)
    log = Log()
    for row in resolve(_items(LEADS, policy), {}, {}).rows:
        log.append(row.topic, row.key, row.value)
    for make in STAGES:
        stage, profiler = make(), Profile()
        reads = [Read(topic, made) for topic in stage.inputs for made in log.topics[topic.name]]
        if stage.name == service:
            profiler.runcall(_work, stage, reads, policy)
            shown = StringIO()
            Stats(profiler, stream=shown).sort_stats("tottime").print_stats(rows)
            return shown.getvalue()
        for commit in _work(stage, reads, policy):
            for out in commit.outbox:
                log.append(out.topic, out.key, out.value)
    raise ValueError(f"{service} decides about no events; one of: {', '.join(make().name for make in STAGES)}")


def _capture(leads: int, policy: Policy) -> float:
    started = process_time()
    resolve(_items(leads, policy), {}, {})
    return process_time() - started


def _items(leads: int, policy: Policy) -> list[Item]:
    items = []
    for body in bodies(leads, 1, 0):
        received = Received(new_id(NOW), NOW, "api", body, {})
        items.append(lead_item(orjson.loads(body), InputContext(policy.identity, received, new_id(NOW))))
    return items


def _stage(make: Callable[[], Stage[Any]], log: Log, policy: Policy, rounds: int) -> tuple[Cost, list[Commit]]:
    seconds: list[float] = []
    commits: list[Commit] = []
    reads: list[Read] = []
    for _ in range(rounds):
        stage = make()
        reads = [Read(topic, made) for topic in stage.inputs for made in log.topics[topic.name]]
        started = process_time()
        commits = _work(stage, reads, policy)
        seconds.append(process_time() - started)
    leads = len(log.topics[CAPTURED.name])
    states = {lead: len(value) for commit in commits for lead, (_, value) in commit.states.items()}
    cost = Cost(min(seconds) / leads * 1_000_000, len(reads) / leads, sum(states.values()) / max(len(states), 1))
    return cost, commits


def _work(stage: Stage[Any], reads: Sequence[Read], policy: Policy) -> list[Commit]:
    frame = Frame(
        service=stage.name, policy=policy, clock=NOW, partitions=PARTITIONS,
        topic_of={event: topic.name for topic in stage.outputs for event in topic.events},
    )  # fmt: skip
    stored: dict[str, bytes] = {}
    commits: list[Commit] = []
    fence = FenceRow(0, 1, 0)
    for start in range(0, len(reads), BATCH):
        decoded = decode(PartitionBatch(0, list(reads[start : start + BATCH])), fence, frame)
        if decoded.dead:
            raise RuntimeError(f"{stage.name} can't read {decoded.dead[0][3]}")
        commit = Commit()
        shared = _shared(stage, inputs_of([decoded]), policy)
        outcome = decide(stage, decoded, stored, frame, shared)
        if any(result == "dead" for _, _, result in outcome.counts):
            raise RuntimeError(f"{stage.name} could not decide: {outcome.events[-1][2].decode()[:1_000]}")
        gather(commit, outcome)
        fence = commit.moves[0][1]
        stored |= {lead: value for lead, (_, value) in commit.states.items()}
        commits.append(commit)
    return commits


async def decisions() -> list[Result]:
    """Measures."""
    say("processor time of the services' own work on a lead, without servers")
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # as services run
    found = costs(LEADS, ROUNDS)
    results = [
        Result(
            "decisions", f"{name}: one lead", cost.lead_us, "µs",
            details={"events": cost.events, "µs an event": cost.event_us, "bytes of state": cost.state_bytes},
        )
        for name, cost in found.items()
    ]  # fmt: skip
    return [*results, Result("decisions", "all six: one lead", sum(cost.lead_us for cost in found.values()), "µs")]
