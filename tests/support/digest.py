"""Documents through capture and all stages, with the rows they write in a real Postgres, and without Kafka.

What goes through is what capture accepts. Whatever ends as a dead letter, or is refused by a database, is told with
the document that led to it. Only `_Service` knows how the runtime runs a stage.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

from prometheus_client import CollectorRegistry

from infra.clock import ManualClock
from infra.partitioner import partition_of
from infra.postgres import connect, prepare_schema
from infra.settings import Settings
from policy.loading import load_policy
from runtime.decide import decide, gather
from runtime.decode import BatchContext, PartitionBatch, Read, Source, decode, inputs_of
from runtime.fence import Commit, commit_batch, read_due, read_results, read_states, take
from runtime.stage import Change, Stage
from schemas.events import EventDead
from schemas.topics import BY_NAME, DEAD, PARTITIONS
from services.capture import store
from services.capture.domain.decode import decode_form, decode_json, media_type
from services.capture.domain.errors import InvalidInput
from services.capture.domain.forms import lead_document
from services.capture.domain.items import Item, Kind, Received, Refusal, Row
from services.capture.domain.submissions import READERS, InputContext, lead_item
from services.capture.ids import new_id
from services.enrich.stage import EnrichStage
from services.metrics.stage import MetricsStage
from services.metrics.telemetry import BusinessMetrics
from services.nurture.sender import DryRunSender
from services.nurture.stage import NurtureStage
from services.route.stage import RouteStage
from services.score.stage import ScoreStage

NOW = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)
"""A Tuesday, in business hours."""

ROUNDS = 4
"""How often the timers of a batch's leads run out; each time, what they lead to is digested."""

ANSWERS = (
    ("done", "dry_run"),
    ("unknown", ""),
    ("failed", "retry:mailbox full"),
    ("failed", "bounced:no such user <ada@example.com>"),
    ("failed", "refused:\U0001f980"),
    ("failed", "late:send_window_closed"),
    ("failed", "TimeoutError()"),
)
"""What senders answer."""

P = TypeVar("P")


class Document(NamedTuple):
    """A request's body, as it is sent."""

    kind: Kind
    body: bytes
    media: str = "application/json"


@dataclass(slots=True)
class Trouble:
    """Something accepted that a service could not take in, and the document that led to it."""

    service: str
    reason: str
    document: Document | None

    def __str__(self) -> str:
        sent = f"{self.document.kind} ({self.document.media}): {self.document.body!r}" if self.document else "?"
        return f"{self.service}: {self.reason}\n  {sent}"


class _Found(NamedTuple):
    """The same before it is known what was sent; `trace` says it."""

    service: str
    trace: str
    reason: str


@dataclass
class Digestion:
    """Capture and the five stages behind it."""

    settings: Settings
    troubles: list[Trouble] = field(default_factory=list)
    tried: int = 0
    accepted: int = 0
    said: Counter[str] = field(default_factory=Counter)
    """Events, by type."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Makes the schemas and connects."""
        stages = (EnrichStage(), ScoreStage(), RouteStage(), NurtureStage(), MetricsStage(_metrics()))
        for name in ("capture", *(stage.name for stage in stages)):
            await asyncio.to_thread(prepare_schema, self.settings, name)
        self._capture = await stack.enter_async_context(await connect(self.settings, "capture"))
        self._services = [_Service(stage, self.settings) for stage in stages]
        for service in self._services:
            await service.open(stack)

    async def digest(self, documents: Sequence[Document]) -> None:
        """Takes in a batch of documents and all that follows from them, then forgets the leads."""
        found: list[_Found] = []
        items = [_read(document) for document in documents]
        rows = await self._captured(items, found)
        await self._spread(rows, found)
        for _ in range(ROUNDS):
            for service in self._services:
                await self._spread(await service.time_passes(found), found)
        for service in self._services:
            await service.forget()
        await self._capture.execute("truncate identities, submissions, intake")
        sent = {_trace_in(item.received.traceparent): each for item, each in zip(items, documents, strict=True)}
        self.troubles += [Trouble(each.service, each.reason, sent.get(each.trace)) for each in found]

    async def _captured(self, items: Sequence[Item | Refusal], found: list[_Found]) -> list[Row]:
        async def accept(part: Sequence[Item | Refusal]) -> None:
            receipt = await store.accept(self._capture, part, PARTITIONS)
            self.tried += len(part)
            self.accepted += sum(result.lead_id is not None for result in receipt.results)

        async for item, reason in _refused(accept, items):
            found.append(_Found("capture", _trace_in(item.received.traceparent), reason))
        cursor = await self._capture.execute("select topic, key, value from intake order by id")
        return [Row(*row) for row in await cursor.fetchall()]

    async def _spread(self, rows: Sequence[Row], found: list[_Found]) -> None:
        """Gives events to whoever reads them, and what those emit in turn, until nobody says anything new."""
        waiting = list(rows)
        while waiting:
            self.said.update(_type_of(row.value) for row in waiting)
            said: list[Row] = []
            for service in self._services:
                said += await service.read(waiting, found)
            waiting = said


class _Service:
    """One stage with what the runtime does around it."""

    def __init__(self, stage: Stage[Any], settings: Settings) -> None:
        self._stage = stage
        self._settings = settings
        self._clock = NOW
        self._policy = load_policy(Path("policy/starters/sales-team.yaml"))
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self._sender = DryRunSender(settings, ManualClock(NOW))

    async def open(self, stack: AsyncExitStack) -> None:
        """Connects and owns all partitions."""
        self._connection = await stack.enter_async_context(await connect(self._settings, self._stage.name))
        self._fences = await take(self._connection, range(PARTITIONS))
        stack.push_async_callback(self._sender.close)

    async def read(self, rows: Sequence[Row], found: list[_Found]) -> list[Row]:
        """Takes in those events that the stage reads; returns what it says."""
        topics = {topic.name for topic in self._stage.inputs}
        return await self._take_in([self._record(row) for row in rows if row.topic in topics], found)

    async def time_passes(self, found: list[_Found]) -> list[Row]:
        """Every effect is answered and every timer runs out; returns what the stage says to that."""
        await self._answer()
        results = await read_results(self._connection, range(PARTITIONS), 100_000)
        said = await self._take_in(results, found)
        due = await read_due(self._connection, range(PARTITIONS), 100_000)
        self._clock = max((NOW, *(timer.due for timer in due)))
        said += await self._take_in(due, found)
        self._clock = NOW
        return said

    async def forget(self) -> None:
        """Forgets all leads, so that the next batch costs what this one did."""
        await self._connection.execute("truncate state, timers, effects, outbox")

    async def _take_in(self, sources: Sequence[Source], found: list[_Found]) -> list[Row]:
        said: list[Row] = []

        async def take_in(part: Sequence[Source]) -> None:
            said.extend(await self._commit(part))

        for wave in _waves(sources):
            async for source, reason in _refused(take_in, wave):
                found.append(_Found(self._stage.name, _trace_of(source), reason))
        found += [_buried(row) for row in said if row.topic == DEAD.name]
        return said

    async def _commit(self, sources: Sequence[Source]) -> list[Row]:
        """One batch, as a worker makes one."""
        deciding = self._deciding()
        decoded = [decode(work, self._fences[work.partition], deciding) for work in _works(sources)]
        commit, stage, connection = Commit(), self._stage, self._connection
        async with connection.transaction():
            shared = await stage.prepare(connection, inputs_of(decoded), deciding.policy)
            stored = await read_states(connection, list({item.lead_id for each in decoded for item in each.items}))
            outcomes = [decide(stage, each, stored, deciding, shared) for each in decoded]
            changes: dict[str, Change[Any]] = {}
            for outcome in outcomes:
                changes |= outcome.changes
            await stage.save(connection, shared, changes)
            for outcome in outcomes:
                gather(commit, outcome)
            fences = await commit_batch(connection, commit)
        self._fences |= fences
        stage.committed(shared, changes)
        return [Row(row.topic, row.key, row.value) for row in commit.outbox]

    def _deciding(self) -> BatchContext:
        return BatchContext(
            service=self._stage.name, policy=self._policy, clock=self._clock, partitions=PARTITIONS,
            topic_of={event: topic.name for topic in self._stage.outputs for event in topic.events},
        )  # fmt: skip

    def _record(self, row: Row) -> Read:
        partition = partition_of(row.key, PARTITIONS)
        self._offsets[row.topic, partition] += 1
        return Read(BY_NAME[row.topic], _Record(partition, self._offsets[row.topic, partition], row.key, row.value))

    async def _answer(self) -> None:
        """Sends what the stage asks to be sent, with whatever result."""
        cursor = await self._connection.execute("select effect_id, body from effects where status = 'ready'")
        for effect, body in await cursor.fetchall():
            result, detail = ANSWERS[crc32(effect.encode()) % len(ANSWERS)]
            if result == "done":
                await self._sender.send(decode_json(body)["payload"])
            await self._connection.execute(
                "update effects set status = %s, detail = %s, at = %s where effect_id = %s",
                (result, detail, NOW, effect),
            )


@dataclass(slots=True)
class _Record:
    """A record as a consumer gives it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def _read(document: Document) -> Item | Refusal:
    media = media_type(document.media)
    received = Received(new_id(NOW), NOW, "web_form" if media.is_form else "api", document.body, {})
    context = InputContext(_IDENTITY, received, new_id(NOW))
    try:
        if media.is_form:
            return lead_item(lead_document(decode_form(document.body, media)), context)
        return READERS[document.kind](decode_json(document.body), context)
    except InvalidInput as error:
        return Refusal(received, error.reason, error.detail)


_IDENTITY = load_policy(Path("policy/starters/sales-team.yaml")).identity


async def _refused(take: Callable[[Sequence[P]], Awaitable[None]], parts: Sequence[P]) -> AsyncIterator[tuple[P, str]]:
    """Has all parts taken; those that can't be are found by halving, and returned with the reason."""
    if not parts:
        return
    try:
        await take(parts)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        if len(parts) == 1:
            yield parts[0], repr(error)
            return
        middle = len(parts) // 2
        for half in (parts[:middle], parts[middle:]):
            async for found in _refused(take, half):
                yield found


def _works(sources: Sequence[Source]) -> Iterator[PartitionBatch]:
    for partition, part in groupby(sorted(sources, key=_partition_of), key=_partition_of):
        yield PartitionBatch(partition, list(part))


def _waves(sources: Sequence[Source]) -> Iterable[Sequence[Source]]:
    """The sources in order, each lead once in a wave: else a row or state would hide the one before it."""
    waves: list[list[Source]] = []
    passed: Counter[str] = Counter()
    for source in sources:
        lead = _lead_of(source)
        if passed[lead] == len(waves):
            waves.append([])
        waves[passed[lead]].append(source)
        passed[lead] += 1
    return waves


def _lead_of(source: Source) -> str:
    return str(source.record.key if isinstance(source, Read) else getattr(source, "lead_id", ""))


def _partition_of(source: Source) -> int:
    return source.record.partition if isinstance(source, Read) else source.partition


def _trace_of(source: Source) -> str:
    return _trace_in(str(source.record.value if isinstance(source, Read) else source))


def _trace_in(text: str) -> str:
    """The trace that a text tells of: it begins with the document."""
    found = _TRACE.search(text)
    return found[1] if found else ""


_TRACE = re.compile(r"\b00-([0-9a-f]{32})-[0-9a-f]{16}-")


def _type_of(event: bytes) -> str:
    return event.partition(b'"type":"')[2].partition(b'"')[0].decode()


def _buried(row: Row) -> _Found:
    letter = DEAD.decode(row.value)
    assert isinstance(letter, EventDead)
    dead = letter.data
    what = f"{dead.step}: {dead.reason}: {dead.detail} (of {dead.topic})"
    return _Found(dead.service, _trace_in(str(dead.value)), what)


def _metrics() -> BusinessMetrics:
    return BusinessMetrics(CollectorRegistry())
