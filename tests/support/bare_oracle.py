"""What two bare stages must have done with given pings, computed without Kafka, Postgres or the runtime's loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg

from infra.settings import Settings
from runtime.sequence import stamp_of
from runtime.stage import CancelTimer, Context, Decision, Input, SetTimer, TimerDue
from schemas.base import Cause, Event, cause_of, derived_id
from schemas.topics import Topic
from tests.support.bare import DONE, PONGS, Alpha, Beta, Ping, Tally
from tests.support.harness import POLICY, Harness

Said = dict[str, list[tuple[str, ...]]]
"""`topic lead kind` → its events in order, each as text without the time of day it was made."""


@dataclass
class World:
    """All that is left of a run."""

    topics: Said = field(default_factory=dict)
    states: dict[str, dict[str, Tally]] = field(default_factory=dict)
    timers: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    """(lead, name) → due, n."""

    def differences(self, other: World) -> list[str]:
        """Where the two differ, in words; nothing when they are the same."""
        found: list[str] = []
        found += _unequal("topics", self.topics, other.topics)
        for stage in self.states.keys() | other.states.keys():
            found += _unequal(f"state of {stage}", self.states.get(stage, {}), other.states.get(stage, {}))
        found += _unequal("timers", self.timers, other.timers)
        return found


def _unequal(what: str, ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> list[str]:
    return [
        f"{what}: {key}: {ours.get(key)!s:.300} is not {theirs.get(key)!s:.300}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]


def _say(said: Said, topic: Topic, event: Event) -> None:
    kind = "timers" if event.data.note == "timer" else "passed on"
    text = (event.id, event.type, event.mode, event.traceparent, str(event.policy), event.data.to_json().decode())
    said.setdefault(f"{topic.name} {event.subject} {kind}", []).append(text)


def oracle(pings: Iterable[Ping]) -> World:
    """Folds the pings of each lead, in their order, through both stages; then rings what is due at once."""
    by_lead: dict[str, list[Ping]] = defaultdict(list)
    for ping in pings:
        by_lead[ping.subject].append(ping)
    world = World(states={"alpha": {}, "beta": {}})
    for lead, own in by_lead.items():
        _follow(world, lead, own)
    return world


def _follow(world: World, lead: str, pings: list[Ping]) -> None:
    alpha, beta = Alpha(), Beta()
    pongs: list[Event] = []
    state: Tally | None = None
    timers: dict[str, tuple[SetTimer, Cause]] = {}
    for ping in pings:
        decision = alpha.decide(ping, state, _context("alpha", cause_of(ping), ping.time))
        state = decision.state
        pongs += decision.events
        _keep(timers, decision, cause_of(ping))
    for timer, cause in sorted((each for each in timers.values() if each[0].name != "later"), key=lambda e: e[0].due):
        own = cause.replace(id=derived_id(cause.id, "timer", timer.name, timer.due.isoformat()))
        rung: Input = TimerDue(lead, timer.name, timer.due, timer.data or {}, cause)
        decision = alpha.decide(rung, state, _context("alpha", own, timer.due))
        state = decision.state
        pongs += decision.events
    assert state is not None
    world.states["alpha"][lead] = state
    if "later" in timers:
        timer = timers["later"][0]
        world.timers[lead, "later"] = timer.due, (timer.data or {})["n"]
    passed: Tally | None = None
    for pong in pongs:
        _say(world.topics, PONGS, pong)
        done = beta.decide(pong, passed, _context("beta", cause_of(pong), pong.time))
        passed = done.state
        for event in done.events:
            _say(world.topics, DONE, event)
    assert passed is not None
    world.states["beta"][lead] = passed


def _keep(timers: dict[str, tuple[SetTimer, Cause]], decision: Decision[Tally], cause: Cause) -> None:
    for timer in decision.timers:
        if isinstance(timer, CancelTimer):
            timers.pop(timer.name, None)
        else:
            timers[timer.name] = timer, cause


def _context(service: str, cause: Cause, now: datetime) -> Context:
    return Context(service, cause, POLICY, now, now)


async def found(harness: Harness) -> World:
    """What really is in the topics, after de-duplication by id, and in both schemas."""
    world = World()
    for topic in (PONGS, DONE):
        for event in await harness.events(topic):
            _say(world.topics, topic, event)
    for stage in (Alpha(), Beta()):
        world.states[stage.name] = await harness.states(stage)
    schema = harness.settings.schema_of("alpha")
    for lead, name, due, body in await harness.rows(f"select lead_id, name, due, body from {schema}.timers"):
        world.timers[lead, name] = due.astimezone(UTC), orjson.loads(bytes(body))["data"]["n"]
    return world


async def broken_sequences(harness: Harness, topics: Iterable[Topic]) -> list[str]:
    """Where a reader who drops what it has seen would not find the next sequence, or another event under an old one."""
    found: list[str] = []
    for topic in topics:
        last: dict[tuple[str, int], int] = {}
        written: dict[tuple[str, int, int], str] = {}
        for record in await harness.read(topic):
            stamp = stamp_of(record.headers)
            assert stamp is not None, f"a stranger wrote into {topic.name}"
            lane, place = (stamp.producer, record.partition), f"{topic.name}/{record.partition}@{record.offset}"
            if stamp.sequence > last.get(lane, 0) + 1:
                found.append(f"{place}: {stamp.producer} jumps from {last.get(lane, 0)} to {stamp.sequence}")
            last[lane] = max(last.get(lane, 0), stamp.sequence)
            identity = topic.decode(record.value).id
            if written.setdefault((*lane, stamp.sequence), identity) != identity:
                found.append(f"{place}: {stamp.producer} wrote another event as {stamp.sequence}")
    return found


def unfinished(settings: Settings, ends: Mapping[str, Mapping[int, int]], readers: Mapping[str, Topic]) -> str:
    """What the services still have to do, or nothing. `ends`: topic → partition → end offset."""
    with psycopg.connect(settings.dsn(), autocommit=True) as connection:
        for service, topic in readers.items():
            schema = settings.schema_of(service)
            row = connection.execute(f"select count(*) from {schema}.outbox").fetchone()
            if row and row[0]:
                return f"{service} has {row[0]} events to publish"
            rows = connection.execute(f"select partition, offsets from {schema}.fence").fetchall()
            offsets = {partition: offsets.get(topic.name, 0) for partition, offsets in rows}
            for partition, end in ends[topic.name].items():
                if offsets.get(partition, 0) < end:
                    return f"{service} has read {topic.name}/{partition} up to {offsets.get(partition, 0)} of {end}"
            row = connection.execute(f"select count(*) from {schema}.timers where due < now()").fetchone()
            if row and row[0]:
                return f"{service} has {row[0]} timers that are due"
    return ""
