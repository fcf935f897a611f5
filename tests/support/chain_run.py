"""The six services as processes on servers that may break, fed over HTTP by a sender who repeats what was not answered.

All of it lives in a time of its own: it begins on a Monday before dawn in London, and jumps to later that day.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import psycopg

from infra import setup
from infra.clock import OffsetClock
from infra.settings import Settings
from local.embedded.ports import LOOPBACK, Ports
from local.embedded.stack import EmbeddedStack
from policy import Policy
from policy.loading import load_policy
from runtime.stage import Stage
from schemas.topics import ERASED
from services.enrich.stage import EnrichStage
from services.metrics.stage import MetricsStage
from services.nurture.stage import NurtureStage
from services.route.stage import RouteStage
from services.score.stage import ScoreStage
from tests.support.bare_run import taken_over
from tests.support.fleet import Fleet, Plan, Slot, fleet
from tests.support.harness import Harness

BEGIN = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
MOST_BATCHES = 200
TRICKLE_SECONDS = 2.0
TOKEN = "a-token-of-this-test"
STAGES: tuple[type[Stage[Any]], ...] = (EnrichStage, ScoreStage, RouteStage, NurtureStage, MetricsStage)
READERS = {stage.name: tuple(dict.fromkeys((*stage.inputs, ERASED))) for stage in STAGES}
SERVICES = ("capture", *READERS)


@dataclass
class Accepted:
    """What the sender was told."""

    leads: dict[str, tuple[dict[str, Any], str, str]] = field(default_factory=dict)
    """Id of the sender's → (document, lead, submission)."""
    facts: dict[str, dict[str, str]] = field(default_factory=lambda: {"signals": {}, "outcomes": {}, "touches": {}})
    """Kind → id of the sender's → lead."""
    refused: set[str] = field(default_factory=set)
    """Ids of what can't become an event."""


class Poster:
    """Posts batches until each is answered; which is to say that all it has been told is all that was accepted."""

    def __init__(self, urls: list[str]) -> None:
        self.accepted = Accepted()
        self.answers: dict[int | str, int] = {}
        """Status, or the error's name → how often."""
        self._urls = urls
        self._session: aiohttp.ClientSession
        self._chance = random.Random(3)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {TOKEN}"}, timeout=aiohttp.ClientTimeout(total=30)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, kind: str, documents: list[dict[str, Any]], deadline: float) -> None:
        """One batch, as often as it takes."""
        for result, document in zip(await self._answered(kind, documents, deadline), documents, strict=True):
            if result["status"] == 422:
                self.accepted.refused.add(document["id"])
                continue
            assert result["status"] == 202, result
            if kind == "leads":
                self.accepted.leads[document["id"]] = document, result["lead_id"], result["submission_id"]
            else:
                self.accepted.facts[kind][document["id"]] = result["lead_id"]

    async def _answered(self, kind: str, documents: list[dict[str, Any]], deadline: float) -> list[dict[str, Any]]:
        while True:
            url = f"{self._chance.choice(self._urls)}/v1/{kind}:batch"
            try:
                async with self._session.post(url, json=documents) as response:
                    self._count(response.status)
                    if response.status in (202, 207):
                        results: list[dict[str, Any]] = (await response.json())["results"]
                        return results
                    assert response.status == 503, (response.status, await response.text())
            except (aiohttp.ClientError, TimeoutError) as error:
                self._count(type(error).__name__)
            assert time.monotonic() < deadline, f"no answer: {self.answers}"
            await asyncio.sleep(0.25)

    def _count(self, what: int | str) -> None:
        self.answers[what] = self.answers.get(what, 0) + 1


class ChainRun:
    """One run of the whole chain."""

    def __init__(
        self, settings: Settings, clock: OffsetClock, processes: Fleet, env: dict[str, str], policy: Policy
    ) -> None:
        self.settings = settings
        self.fleet = processes
        self.policy = policy
        self.harness = Harness(settings)
        self.clock = clock
        self.urls: list[str] = []
        self._env = env
        self._ports = Ports()

    def start(self, service: str, plans: Iterable[Plan] = ()) -> Slot:
        """Starts a worker of a service."""
        port = self._ports.any()
        if service == "capture":
            self.urls.append(f"http://{LOOPBACK}:{port}")
        env = {**self._env, "LEADSTREAM_HTTP_PORT": str(port)}
        return self.fleet.add(service, ["-m", "tests.support.service_host", service], env, plans)

    async def settle(self, seconds: float) -> None:
        """Waits until every service has done all there is to do."""
        deadline = time.monotonic() + seconds
        while problem := await asyncio.to_thread(
            self._unfinished, await self.harness.ends({topic for each in READERS.values() for topic in each})
        ):
            if time.monotonic() > deadline:
                tails = "\n".join(f"{slot.log.stem}:\n{slot.tail(5)}" for slot in self.fleet.slots)
                raise AssertionError(f"not within {seconds} s: {problem}\n{tails}")
            await asyncio.sleep(0.25)

    def _unfinished(self, ends: dict[str, dict[int, int]]) -> str:
        with psycopg.connect(self.settings.dsn(), autocommit=True) as connection:
            for service in SERVICES:
                waiting = (
                    "select (select count(*) from {0}.outbox) + (select count(*) from {0}.intake) "
                    "+ (select count(*) from {0}.effects) "
                    "+ (select count(*) from {0}.timers where due <= %s)"
                ).format(self.settings.schema_of(service))
                row = connection.execute(waiting, (self.clock.now(),)).fetchone()
                if row and row[0]:
                    return f"{service} has {row[0]} things to do"
            for service, topics in READERS.items():
                query = f"select partition, offsets from {self.settings.schema_of(service)}.fence"
                rows: dict[int, dict[str, int]] = dict(connection.execute(query).fetchall())
                for topic in topics:
                    for number, end in ends[topic.name].items():
                        if (read := rows.get(number, {}).get(topic.name, 0)) < end:
                            return f"{service} has read {topic.name}/{number} up to {read} of {end}"
        return ""


def leads(count: int) -> Iterator[dict[str, Any]]:
    """Submissions: some again by the same person, one in fifty unreadable, all of several sorts and countries."""
    chance = random.Random(11)
    titles = ["CEO", "VP Sales", "Marketing Manager", "Software Engineer", "Student", "Head of Operations", "Intern"]
    countries = ["GB", "DE", "US", "FR", "IN", "BR"]
    for number in range(count):
        person = number if number < 100 or chance.random() > 0.08 else chance.randrange(number)
        own = random.Random(person)
        if chance.random() < 0.02:
            yield {"id": f"s{number}", "email": f"not an address {number}", "source": "website"}
            continue
        domain = own.choice(
            [f"firm{person}.example", f"firm{person}.example", "gmail.com", f"firm{person // 7}.example"]
        )
        yield {
            "id": f"s{number}",
            "email": chance.choice([f"p{person}@{domain}", f"P{person}@{domain.upper()}"]),
            "name": f"Person {own.choice(['Anna', 'Bela', 'Chidi'])} Number{person}",
            "title": own.choice(titles),
            "channel": "web_form",
            "source": chance.choice(["demo", "website", "website", "newsletter", "newsletter"]),
            "company": {
                "name": f"Firm {person}",
                "country": own.choice(countries),
                "employees": own.choice([5, 30, 120, 700, 3_000]),
            },
        }


def facts_about(number: int, batch: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What happens to some leads of a batch that was accepted."""
    chance = random.Random(number)
    known = [document["email"] for document in batch if "name" in document]
    some = chance.sample(known, min(9, len(known)))

    def fact(place: int, **fields: Any) -> dict[str, Any]:
        return {"id": f"f{number}-{place}", "email": some[place % len(some)], **fields}

    if not some:
        return {}
    signals = ["email_reply", "pricing_visit", "demo_request", "unsubscribe", "page_view"]
    outcomes: list[dict[str, Any]] = [
        {"outcome": "accepted"},
        {"outcome": "returned", "reason": "not mine"},
        {"outcome": "contacted"},
        {"outcome": "won", "value": "1200.50", "currency": "EUR"},
        {"outcome": "lost", "reason": "price"},
    ]
    return {
        "signals": [fact(place, signal=chance.choice(signals)) for place in range(4)],
        "outcomes": [fact(place, **chance.choice(outcomes)) for place in range(2, 7)],
        "touches": [fact(place, channel=chance.choice(["call", "email"]), rep="tom") for place in range(6, 9)],
    }


async def feed(run: ChainRun, poster: Poster, count: int, progress: Callable[[], float], seconds: float) -> None:
    """Posts all batches in step with the progress (0 to 1) of the chaos, a few at a time."""
    documents = list(leads(count))
    size = max(count // MOST_BATCHES, 1)
    batches = [documents[start : start + size] for start in range(0, count, size)]
    deadline, gate = time.monotonic() + seconds, asyncio.Semaphore(4)

    async def one(number: int, batch: list[dict[str, Any]]) -> None:
        async with gate:
            await poster.post("leads", batch, deadline)
            for kind, facts in facts_about(number, batch).items():
                await poster.post(kind, facts, deadline)

    async with asyncio.TaskGroup() as group:
        for number, batch in enumerate(batches):
            # Never quite pausing, as processes die at points that only work brings them to.
            waited = time.monotonic() + TRICKLE_SECONDS
            while number > progress() * len(batches) and time.monotonic() < waited:  # noqa: ASYNC110  # a clock
                await asyncio.sleep(0.05)
            await _has_room(gate)
            group.create_task(one(number, batch))


async def _has_room(gate: asyncio.Semaphore) -> None:
    async with gate:
        pass


@asynccontextmanager
async def chain_run(stack: EmbeddedStack, folder: Path, name: str) -> AsyncIterator[ChainRun]:
    """Topics and schemas of the run's own, a policy without bounds on what reps can take, and an empty fleet."""
    clock_file = folder / "clock"
    clock = OffsetClock(clock_file)
    clock.move_to(BEGIN)
    settings = Settings.model_validate(
        {
            "kafka": stack.kafka.address,
            "postgres": stack.postgres.dsn(),
            "redis": stack.valkey.url,
            "topic_prefix": f"{name}.",
            "schema_prefix": f"{name}_",
            "clock_file": clock_file,
        }
    )
    env = {
        **stack.env,
        "LEADSTREAM_TOPIC_PREFIX": f"{name}.",
        "LEADSTREAM_SCHEMA_PREFIX": f"{name}_",
        "LEADSTREAM_CLOCK_FILE": str(clock_file),
        "LEADSTREAM_CAPTURE_TOKEN": TOKEN,
    }
    policy = _policy(folder)
    await setup.prepare(settings, policy)
    try:
        async with fleet(folder, taken_over(settings)) as processes:
            yield ChainRun(settings, clock, processes, env, load_policy(policy))
    finally:
        clock._file.close()


def _policy(folder: Path) -> Path:
    """The default policy, under which reps can take any number of leads."""
    file = folder / "policy.yaml"
    file.write_text(Path("policy.yaml").read_text().replace("capacity_per_day: ", "capacity_per_day: 10000"))
    return file
