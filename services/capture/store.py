"""Who is who, what came in before, and the events that follow, written together.

Two workers may decide about the same key at the same instant. Each writes its new keys and ids with `on conflict do
nothing`, so that the second waits for the first; a row that could not be written means that the decision was made
on old knowledge, and the whole transaction is done again, knowing what the winner wrote. Rows go in sorted order,
submissions before identities, so that no two transactions wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from infra.errors import LeadstreamError
from infra.partitioner import partition_of
from infra.postgres import Connection
from services.capture.domain.erasure import Erasure
from services.capture.domain.identity import Key
from services.capture.domain.items import Item, Refusal, Repeat
from services.capture.domain.resolve import Resolution, Result, Seen, resolve

ATTEMPTS = 20

ERASURE_LOCK = 0x6C656164
"""Advisory lock: shared by all who accept, held alone by who erases, so that a key found stays while it is used."""


class Contended(LeadstreamError):
    """Other workers were quicker `ATTEMPTS` times in a row; nothing was written."""


class CommitUnknown(LeadstreamError):
    """The connection broke during the commit. `settled` tells, on another connection, whether it took place."""

    def __init__(self, transaction: str, results: list[Result], partitions: frozenset[int]) -> None:
        super().__init__(f"transaction {transaction} may or may not have been committed")
        self.transaction = transaction
        self.results = results
        self.partitions = partitions


class _RaceLost(Exception):
    """Another transaction committed one of our keys or ids first."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a committed batch led to. `partitions` have new rows to be numbered."""

    results: list[Result]
    partitions: frozenset[int]


async def prepare(connection: Connection) -> None:
    """Keeps plans on the indexes.

    A plan made while a table was small reads it whole, and stays in use until the table is next analysed.
    """
    await connection.execute("set enable_seqscan = off")


async def accept(connection: Connection, items: Sequence[Item | Refusal], partitions: int) -> Receipt:
    """Accepts a batch in one transaction; the results are in the order of the items.

    Raises:
        Contended: nothing was written; try again later.
        CommitUnknown: the connection broke at the commit.
        psycopg.Error: nothing was written.
    """
    for _ in range(ATTEMPTS):
        written: tuple[str, Resolution, frozenset[int]] | None = None
        try:
            async with connection.transaction():
                written = await _attempt(connection, items, partitions)
        except _RaceLost:
            continue
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if written is None:
                raise
            raise CommitUnknown(written[0], written[1].results, written[2]) from error
        return Receipt(written[1].results, written[2])
    raise Contended(f"other workers were quicker {ATTEMPTS} times in a row")


async def settled(connection: Connection, transaction: str) -> bool | None:
    """Whether a transaction was committed; None while the server has not noticed that its client is gone."""
    cursor = await connection.execute("select pg_xact_status(%s::xid8)", (transaction,))
    row = await cursor.fetchone()
    status = row[0] if row else None
    return None if status == "in progress" else status == "committed"


async def _attempt(
    connection: Connection, items: Sequence[Item | Refusal], partitions: int
) -> tuple[str, Resolution, frozenset[int]]:
    async with connection.pipeline():
        await connection.execute("select pg_advisory_xact_lock_shared(%s)", (ERASURE_LOCK,))
        keys = await _ask_keys(connection, {key for item in items if isinstance(item, Item) for key in item.keys})
        repeats = await _ask_repeats(
            connection, [item.repeat for item in items if isinstance(item, Item) and item.repeat is not None]
        )
    known = {Key(*row[:2]): row[2] for row in await keys.fetchall()} if keys else {}
    seen = {Repeat(*row[:3]): Seen(*row[3:]) for row in await repeats.fetchall()} if repeats else {}
    resolution = resolve(items, known, seen)
    touched = [partition_of(row.key, partitions) for row in resolution.rows]
    transaction = await _write(connection, resolution, touched)
    return transaction, resolution, frozenset(touched)


Cursor = psycopg.AsyncCursor[Any]

_FIND_KEYS: LiteralString = """
    select k.kind, k.value, found.lead_id
    from unnest(%b::text[], %b::text[]) as k (kind, value)
    cross join lateral (
        select i.lead_id from identities i where i.kind = k.kind and i.value = k.value limit 1
    ) as found
    union all
    select 'lead_id', l.id, l.id
    from unnest(%b::text[]) as l (id)
    where exists (select from identities i where i.lead_id = l.id)
"""

_FIND_REPEATS: LiteralString = """
    select r.kind, r.scope, r.external_id, found.submission_id, found.lead_id
    from unnest(%b::text[], %b::text[], %b::text[]) as r (kind, scope, external_id)
    cross join lateral (
        select s.submission_id, s.lead_id from submissions s
        where s.kind = r.kind and s.scope = r.scope and s.external_id = r.external_id limit 1
    ) as found
"""


async def _ask_keys(connection: Connection, keys: Collection[Key]) -> Cursor | None:
    if not keys:
        return None
    named = [key.value for key in keys if key.kind == "lead_id"]
    others = [key for key in keys if key.kind != "lead_id"]
    return await connection.execute(_FIND_KEYS, ([key.kind for key in others], [key.value for key in others], named))


async def _ask_repeats(connection: Connection, repeats: Sequence[Repeat]) -> Cursor | None:
    if not repeats:
        return None
    return await connection.execute(_FIND_REPEATS, _columns(repeats, 3))


_ADD_SUBMISSIONS: LiteralString = """
    insert into submissions (kind, scope, external_id, submission_id, lead_id)
    select * from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
    on conflict do nothing
"""
_ADD_IDENTITIES: LiteralString = """
    insert into identities (kind, value, lead_id) select * from unnest(%b::text[], %b::text[], %b::text[])
    on conflict do nothing
"""
_ADD_EVENTS: LiteralString = """
    insert into intake (partition, topic, key, value)
    select * from unnest(%b::int[], %b::text[], %b::bytea[], %b::bytea[])
"""


async def _write(connection: Connection, resolution: Resolution, touched: Sequence[int]) -> str:
    """Writes what was decided, and returns the transaction's id.

    Raises:
        _RaceLost: a key or an id has been taken meanwhile.
    """
    submissions = sorted((*repeat, was.submission_id, was.lead_id) for repeat, was in resolution.repeats.items())
    identities = sorted((*key, lead) for key, lead in resolution.identities.items())
    events = [(partition, *row) for partition, row in zip(touched, resolution.rows, strict=True)]
    expected: list[tuple[Cursor, int]] = []
    async with connection.pipeline():
        for statement, rows, width in (
            (_ADD_SUBMISSIONS, submissions, 5),
            (_ADD_IDENTITIES, identities, 3),
            (_ADD_EVENTS, events, 4),
        ):
            if rows:
                expected.append((await connection.execute(statement, _columns(rows, width)), len(rows)))
        current = await connection.execute("select pg_current_xact_id()::text")
    if any(cursor.rowcount != count for cursor, count in expected):
        raise _RaceLost
    row = await current.fetchone()
    assert row is not None
    return str(row[0])


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]


_ERASE_IDENTITIES: LiteralString = "delete from identities where lead_id = any(%s)"
_ERASE_SUBMISSIONS: LiteralString = "delete from submissions where lead_id = any(%s)"


async def erase(connection: Connection, erasure: Erasure, partitions: int) -> Receipt:
    """Forgets every lead that one of the keys belongs to and announces it, in one transaction.

    The receipt has a result per lead, none when the keys are unknown.

    Raises:
        psycopg.Error: nothing was changed.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", (ERASURE_LOCK,))
        cursor = await _ask_keys(connection, erasure.keys)
        leads = sorted({row[2] for row in await cursor.fetchall()}) if cursor else []
        if not leads:
            return Receipt([], frozenset())
        await connection.execute(_ERASE_IDENTITIES, (leads,))
        await connection.execute(_ERASE_SUBMISSIONS, (leads,))
        rows = [erasure.row(lead, ordinal) for ordinal, lead in enumerate(leads)]
        touched = [partition_of(row.key, partitions) for row in rows]
        await connection.execute(_ADD_EVENTS, _columns([(p, *row) for p, row in zip(touched, rows, strict=True)], 4))
    submission = erasure.received.submission_id
    return Receipt([Result("accepted", submission, lead) for lead in leads], frozenset(touched))


def eraser(connect: Callable[[], Awaitable[Connection]], partitions: int) -> Callable[[Erasure], Awaitable[Receipt]]:
    """`erase` on a connection of its own each time: erasures are rare."""

    async def forget(erasure: Erasure) -> Receipt:
        async with await connect() as connection:
            await prepare(connection)
            return await erase(connection, erasure, partitions)

    return forget


async def leads_of(connection: Connection, keys: Collection[Key]) -> dict[Key, str]:
    """Reads the id of the lead that each key belongs to; keys that nobody has are left out."""
    cursor = await _ask_keys(connection, keys)
    rows = await cursor.fetchall() if cursor else []
    return {Key(*row[:2]): row[2] for row in rows}
