"""Routing's rows: what partitions share, locked for one batch's transaction.

Whoever may give a lead an owner holds the fallback pool's row, and so is alone with all of these tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
import psycopg

from services.route.domain.lock_plan import LockPlan
from services.route.domain.turns import PoolTurns, Turns

Connection = psycopg.AsyncConnection[Any]

SHADOW = "shadow:"
"""Before the names of what a shadow run moves."""


@dataclass(slots=True)
class SharedState:
    """One batch's copy of what is shared: of the business itself, and of shadow runs."""

    real: Turns = field(default_factory=Turns)
    shadow: Turns = field(default_factory=Turns)


async def lock(connection: Connection, real: LockPlan, shadow: LockPlan) -> SharedState:
    """Locks the pools needed until the transaction ends, and loads what they need.

    Raises:
        psycopg.errors.LockNotAvailable: others held a pool for longer than `lock_timeout`; to be tried again.
    """
    if not real and not shadow:
        return SharedState()
    pools = [*real.pools, *(SHADOW + pool for pool in shadow.pools)]
    loads = [*real.loads, *((SHADOW + rep, day) for rep, day in shadow.loads)]
    domains = [*real.domains, *(SHADOW + domain for domain in shadow.domains)]
    cursor = await connection.execute(
        "select lock_turns(%b::text[], %b::text[], %b::date[], %b::text[])::text",
        (pools, [rep for rep, _ in loads], [day for _, day in loads], domains),
    )
    row = await cursor.fetchone()
    assert row is not None, "a function returns one row"
    return _read(orjson.loads(row[0]))


async def read(connection: Connection, plan: LockPlan) -> Turns:
    """Returns where the pools, loads and accounts of the plan stand, without locking them: to look, not to decide.

    A pool that has given no turn yet stands at the start of its round.
    """
    cursor = await connection.execute(
        "select jsonb_build_object("
        "'pools', (select jsonb_object_agg(pool, jsonb_build_array(ordinal, credit)) from pools where pool = any (%b)),"
        "'loads', (select jsonb_agg(jsonb_build_array(l.rep, l.day, l.assigned)) from rep_load l"
        " join unnest(%b::text[], %b::date[]) as n (rep, day) on l.rep = n.rep and l.day = n.day),"
        "'accounts', (select jsonb_object_agg(domain, rep) from accounts where domain = any (%b)))::text",
        ([*plan.pools], [rep for rep, _ in plan.loads], [day for _, day in plan.loads], [*plan.domains]),
    )
    row = await cursor.fetchone()
    assert row is not None, "a select without a table returns one row"
    turns = _read(orjson.loads(row[0])).real
    turns.pools = {pool: PoolTurns() for pool in plan.pools} | turns.pools
    return turns


def _read(found: dict[str, Any]) -> SharedState:
    shared = SharedState()
    for name, (ordinal, credit) in (found["pools"] or {}).items():
        pool, turns = _part_of(shared, name)
        turns.pools[pool] = PoolTurns(ordinal, credit)
    for name, day, assigned in found["loads"] or ():
        rep, turns = _part_of(shared, name)
        turns.loads[rep, date.fromisoformat(day)] = assigned
    for name, owner in (found["accounts"] or {}).items():
        domain, turns = _part_of(shared, name)
        turns.accounts[domain] = owner
    return shared


def _part_of(shared: SharedState, name: str) -> tuple[str, Turns]:
    return (name.removeprefix(SHADOW), shared.shadow) if name.startswith(SHADOW) else (name, shared.real)


async def save(connection: Connection, shared: SharedState) -> None:
    """Writes the turns taken, the leads given and the accounts claimed in the batch."""
    both = (("", shared.real), (SHADOW, shared.shadow))
    pools = [(prefix + pool, turns.pools[pool]) for prefix, turns in both for pool in sorted(turns.taken)]
    loads = [(prefix + rep, day, added) for prefix, turns in both for (rep, day), added in turns.added.items()]
    accounts = [(prefix + domain, rep) for prefix, turns in both for domain, rep in turns.claimed.items()]
    if not (pools or loads or accounts):
        return
    await connection.execute(
        "select save_turns(%b::text[], %b::bigint[], %b::text[], %b::text[], %b::date[], %b::int[], "
        "%b::text[], %b::text[])",
        (
            [name for name, _ in pools],
            [turns.ordinal for _, turns in pools],
            [orjson.dumps(turns.credit).decode() for _, turns in pools],
            *_columns(loads, 3),
            *_columns(accounts, 2),
        ),
    )


def _columns(rows: list[tuple[Any, ...]], width: int) -> Iterator[list[Any]]:
    return (list(column) for column in zip(*rows, strict=True)) if rows else ([] for _ in range(width))
