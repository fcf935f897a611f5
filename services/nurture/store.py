"""The nurture service's rows: what each sender has sent on a day, and what a dry run would have sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg

from services.nurture.domain.limits import SenderDay, SenderDays

Connection = psycopg.AsyncConnection[Any]


@dataclass(slots=True)
class Batch:
    """What one batch shares with other partitions, or has to forget."""

    days: SenderDays
    erased: Mapping[str, datetime]
    """When each lead asked for it, by lead id."""


async def lock_days(connection: Connection, places: Collection[SenderDay]) -> dict[SenderDay, int]:
    """How much has been sent at `places`, which must be in order; locked until the transaction ends."""
    if not places:
        return {}
    cursor = await connection.execute(
        # An update that changes nothing: one statement makes the missing rows, locks all of them and reads them.
        "insert into sending_days as d (sender, day, sent) "
        "select sender, day, 0 from unnest(%s::text[], %s::date[]) as n (sender, day) order by sender, day "
        "on conflict (sender, day) do update set sent = d.sent returning sender, day::text, sent",
        ([place.sender for place in places], [place.day for place in places]),
    )
    return {SenderDay(sender, day): sent for sender, day, sent in await cursor.fetchall()}


async def write_days(connection: Connection, days: SenderDays) -> None:
    """Writes the days on which this batch has sent."""
    changed = sorted(days.changed)
    if not changed:
        return
    await connection.execute(
        "update sending_days d set sent = n.sent from unnest(%s::text[], %s::date[], %s::int[]) "
        "as n (sender, day, sent) where d.sender = n.sender and d.day = n.day",
        (
            [place.sender for place in changed],
            [place.day for place in changed],
            [days.used[place] for place in changed],
        ),
    )


async def forget(connection: Connection, erased: Mapping[str, datetime]) -> None:
    """Deletes what the leads would have been sent, and keeps what is under way from being written after it."""
    if erased:
        leads = sorted(erased)
        await connection.execute(
            "select forget_dry_run(lead_id, at) from unnest(%s::text[], %s::timestamptz[]) as n (lead_id, at)",
            (leads, [erased[lead] for lead in leads]),
        )


async def keep_dry_runs(connection: Connection, sends: Sequence[tuple[Mapping[str, Any], datetime]]) -> None:
    """Writes what would have been sent, and when; the same touch again overwrites it."""
    # Each takes its lead's lock: in the order in which `forget` takes them.
    ordered = sorted(sends, key=lambda send: str(send[0]["lead_id"]))
    await connection.execute(
        "select keep_dry_run(touch_id, lead_id, due_at, at, line) from unnest("
        "%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[]) "
        "as n (touch_id, lead_id, due_at, at, line)",
        (
            [payload["touch_id"] for payload, _ in ordered],
            [payload["lead_id"] for payload, _ in ordered],
            [datetime.fromisoformat(payload["due_at"]) for payload, _ in ordered],
            [at for _, at in ordered],
            [orjson.dumps(payload).decode() for payload, _ in ordered],
        ),
    )
