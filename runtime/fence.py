"""The fence: one row per (service, partition) under which everything of a batch changes together or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple

import orjson
import psycopg

from infra.arrays import Array, bigints, byteas, ints, moments, texts
from infra.errors import Fenced
from infra.postgres import Connection

FENCED = "LS001"


@dataclass(frozen=True, slots=True)
class FenceRow:
    """What is remembered of one partition number, as of the last commit under `epoch`."""

    partition: int
    epoch: int
    commits: int
    failures: int = 0
    offsets: Mapping[str, int] = field(default_factory=dict)
    """Topic → next offset to read."""
    seen: Mapping[str, int] = field(default_factory=dict)
    """`topic|producer` → highest sequence read."""
    heads: Mapping[str, int] = field(default_factory=dict)
    """Topic → last sequence given to an event that we emit."""
    incarnation: str = ""
    """Under which these sequences are given out; empty: the schema's own."""
    checked: Mapping[str, int] = field(default_factory=dict)
    """Output topic → offset up to which log and fence were compared (runtime.restore)."""


class OutboxRow(NamedTuple):
    """One event to be published, in the order of `seq` per (partition, topic)."""

    partition: int
    topic: str
    seq: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class TimerRow:
    """One timer; `body` holds its data and cause as JSON."""

    lead_id: str
    name: str
    partition: int
    due: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One effect, asked for or performed; `body` holds kind, payload and cause as JSON."""

    effect_id: str
    lead_id: str
    partition: int
    body: bytes
    status: str = "ready"
    detail: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class Commit:
    """All that one batch changes, over all of its partitions."""

    moves: list[tuple[FenceRow, FenceRow]] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    published: dict[tuple[int, str], int] = field(default_factory=dict)
    states: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    timers: dict[tuple[str, str], TimerRow] = field(default_factory=dict)
    timers_gone: set[tuple[str, str]] = field(default_factory=set)
    effects: list[EffectRow] = field(default_factory=list)
    effects_gone: list[str] = field(default_factory=list)
    intake_gone: list[int] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)


_FENCE = ("int", "bigint", "bigint", "int", "text", "text", "text")
_OUTBOX = ("int", "text", "bigint", "bigint", "bytea", "int", "text", "bigint")
_STATE = ("text", "int", "bytea", "text")
_TIMERS = ("text", "text", "int", "timestamptz", "bytea", "text", "text")
_EFFECTS_INTAKE_ERASED = ("text", "text", "int", "bytea", "text", "bigint", "text")
_COLUMNS = (*_FENCE, *_OUTBOX, *_STATE, *_TIMERS, *_EFFECTS_INTAKE_ERASED)
_COMMIT = f"select commit_batch({', '.join(f'%b::{column}[]' for column in _COLUMNS)})"


def _jsons(values: Iterable[Mapping[str, int]]) -> Array:
    return texts(orjson.dumps(dict(value)).decode() for value in values)


def _arguments(commit: Commit) -> list[Array]:
    before, after = [move[0] for move in commit.moves], [move[1] for move in commit.moves]
    blocks = blocks_of(commit.outbox)
    timers, effects = commit.timers.values(), commit.effects
    return [
        ints(row.partition for row in before),
        bigints(row.epoch for row in before),
        bigints(row.commits for row in before),
        ints(row.failures for row in after),
        _jsons(row.offsets for row in after),
        _jsons(row.seen for row in after),
        _jsons(row.heads for row in after),
        ints(block.partition for block in blocks),
        texts(block.topic for block in blocks),
        bigints(block.first for block in blocks),
        bigints(block.last for block in blocks),
        byteas([block.joined for block in blocks]),
        ints(partition for partition, _ in commit.published),
        texts(topic for _, topic in commit.published),
        bigints(commit.published.values()),
        texts(commit.states),
        ints(partition for partition, _ in commit.states.values()),
        byteas([value for _, value in commit.states.values()]),
        texts(commit.gone),
        texts(row.lead_id for row in timers),
        texts(row.name for row in timers),
        ints(row.partition for row in timers),
        moments(row.due for row in timers),
        byteas([row.body for row in timers]),
        texts(lead for lead, _ in commit.timers_gone),
        texts(name for _, name in commit.timers_gone),
        texts(row.effect_id for row in effects),
        texts(row.lead_id for row in effects),
        ints(row.partition for row in effects),
        byteas([row.body for row in effects]),
        texts(commit.effects_gone),
        bigints(commit.intake_gone),
        texts(commit.erased),
    ]


@dataclass(slots=True)
class Block:
    """Events of one lane that are committed, and forgotten, together: one row of the outbox."""

    partition: int
    topic: str
    first: int
    last: int
    events: list[bytes] = field(default_factory=list)
    """Length and bytes of a key, length and bytes of a value, and so on."""

    @property
    def joined(self) -> bytes:
        """The events as the outbox keeps them."""
        return b"".join(self.events)


_LENGTH = Struct("!i")


def blocks_of(rows: Iterable[OutboxRow]) -> Collection[Block]:
    """The rows by lane; those of one lane must come in the order of their sequences."""
    blocks: dict[tuple[int, str], Block] = {}
    length = _LENGTH.pack
    for partition, topic, seq, key, value in rows:
        block = blocks.get((partition, topic))
        if block is None:
            block = blocks[partition, topic] = Block(partition, topic, seq, seq)
        block.last = seq
        block.events += (length(len(key)), key, length(len(value)), value)
    return blocks.values()


def rows_of(partition: int, topic: str, first: int, events: bytes) -> Iterator[OutboxRow]:
    """The events of one row of the outbox."""
    position, seq = 0, first
    while position < len(events):
        key, position = _piece(events, position)
        value, position = _piece(events, position)
        yield OutboxRow(partition, topic, seq, key, value)
        seq += 1


def _piece(data: bytes, position: int) -> tuple[bytes, int]:
    start = position + _LENGTH.size
    end: int = start + _LENGTH.unpack_from(data, position)[0]
    return data[start:end], end


async def take(connection: Connection, partitions: Collection[int]) -> dict[int, FenceRow]:
    """Becomes the owner of `partitions`: whoever owned them before can commit no more."""
    rows = await (
        await connection.execute(
            "select partition, epoch, commits, failures, offsets, seen, heads, incarnation, checked "
            "from take(%s::int[])",
            (sorted(partitions),),
        )
    ).fetchall()
    return {row[0]: FenceRow(*row) for row in rows}


async def commit_batch(connection: Connection, commit: Commit) -> dict[int, FenceRow]:
    """Commits, and returns the rows that the next batch starts from.

    Raises:
        Fenced: another worker has taken some of the partitions; nothing was changed.

    """
    try:
        await connection.execute(_COMMIT, _arguments(commit))
    except psycopg.errors.RaiseException as error:
        raise_if_fenced(error)
        raise
    except psycopg.DatabaseError as error:
        raise_if_fenced(error)
        raise
    return {after.partition: replace(after, commits=after.commits + 1) for _, after in commit.moves}


def raise_if_fenced(error: psycopg.Error) -> None:
    """Turns the database's refusal into `Fenced`; returns for any other error."""
    if error.sqlstate == FENCED:
        partitions = [int(part) for part in (error.diag.message_detail or "").split(",") if part]
        raise Fenced(partitions) from error


async def read_states(connection: Connection, leads: Sequence[str]) -> dict[str, bytes]:
    """The stored states of `leads`; a lead never seen is missing."""
    if not leads:
        return {}
    cursor = connection.cursor(binary=True)
    await cursor.execute("select lead_id, value from state where lead_id = any(%b::text[])", (texts(leads),))
    return dict(await cursor.fetchall())


async def read_outbox(connection: Connection, partitions: Collection[int]) -> list[OutboxRow]:
    """What was committed and may not have been published, in order."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        "select partition, topic, first_seq, events from outbox where partition = any(%b::int[]) "
        "order by partition, topic, first_seq",
        (ints(sorted(partitions)),),
    )
    return [row for block in await cursor.fetchall() for row in rows_of(*block)]


async def read_due(connection: Connection, partitions: Collection[int], limit: int) -> list[TimerRow]:
    """The timers that run out next, earliest first."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        "select lead_id, name, partition, due, body from timers where partition = any(%s) "
        "order by due, lead_id, name limit %s",
        (sorted(partitions), limit),
    )
    return [TimerRow(*row) for row in await cursor.fetchall()]


async def next_due(connection: Connection, partitions: Collection[int]) -> datetime | None:
    """When the next timer runs out."""
    row = await (
        await connection.execute(
            "select min(d) from unnest(%s::int[]) p, "
            "lateral (select due d from timers where partition = p order by due limit 1) t",
            (sorted(partitions),),
        )
    ).fetchone()
    return row[0] if row else None


async def read_intake(connection: Connection, partitions: Collection[int], limit: int) -> list[tuple[Any, ...]]:
    """Unnumbered events of these partitions, oldest first: (id, partition, topic, key, value)."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        "select id, partition, topic, key, value from intake where partition = any(%s) order by id limit %s",
        (sorted(partitions), limit),
    )
    return await cursor.fetchall()


async def read_results(connection: Connection, partitions: Collection[int], limit: int) -> list[EffectRow]:
    """Effects with a result that no decision has seen yet."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        "select effect_id, lead_id, partition, body, status, detail, at from effects "
        "where partition = any(%s) and status in ('done', 'failed', 'unknown') order by at, effect_id limit %s",
        (sorted(partitions), limit),
    )
    return [EffectRow(*row) for row in await cursor.fetchall()]
