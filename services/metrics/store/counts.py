"""Reads what the gauges show."""

from __future__ import annotations

from collections.abc import Collection

from infra.postgres import Connection


async def stage_counts(connection: Connection, partitions: Collection[int]) -> list[tuple[str, str, str, int]]:
    """Reads how many leads of these partitions have reached each stage: (stage, channel, band, leads)."""
    cursor = await connection.execute(
        "select stage, channel, band, sum(leads)::bigint from stage_counts "
        "where partition = any(%s) group by 1, 2, 3 having sum(leads) > 0",
        (sorted(partitions),),
    )
    return await cursor.fetchall()
