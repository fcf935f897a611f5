"""Performs effects that decisions asked for: started at most once, unless repeating one is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson
import structlog

from infra.clock import Clock
from infra.postgres import PASSING, Connection, connect
from infra.settings import Settings
from runtime.telemetry import EFFECTS, RETRIES

log = structlog.get_logger()

AT_ONCE = 32


class Performer(Protocol):
    """Acts outside on the service's behalf."""

    repeatable: bool
    """True when performing the same effect twice does no harm: then an unknown result is simply tried again."""

    async def perform(self, kind: str, payload: Mapping[str, Any]) -> tuple[Literal["done", "failed"], str]:
        """Performs one effect; the text explains a failure. An exception counts as a failure."""
        ...


class EffectRunner:
    """Runs the effects of the partitions that this worker owns, and wakes the worker for the results."""

    def __init__(
        self, service: str, settings: Settings, clock: Clock, performer: Performer, on_result: Callable[[], None]
    ) -> None:
        self._service = service
        self._settings = settings
        self._clock = clock
        self._performer = performer
        self._on_result = on_result
        self._owned: frozenset[int] = frozenset()
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._running: set[str] = set()

    def wake(self) -> None:
        """There may be effects to perform."""
        self._wake.set()

    def own(self, partitions: Collection[int]) -> None:
        """Works for these partitions from now on."""
        self._owned = frozenset(partitions)
        self._wake.set()

    async def run(self) -> None:
        """Performs effects as they come; never returns."""
        while True:
            try:
                await self._run_connected()
            except (*PASSING, OSError) as error:
                RETRIES.labels(self._service, "effects").inc()
                log.warning("effects wait for the database", error=repr(error))
                await asyncio.sleep(1.0)

    async def _run_connected(self) -> None:
        async with await connect(self._settings, self._service) as connection:
            self._connection = connection
            owned: frozenset[int] = frozenset()
            self._wake.set()  # what the last connection was woken for may not have been done
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._owned - owned:
                    await self._adopt(connection, self._owned - owned)
                owned = self._owned
                while rows := await self._start(connection, owned):
                    await self._perform_all(connection, rows)

    async def _adopt(self, connection: Connection, partitions: Collection[int]) -> None:
        """Effects that the former owner started: its result is lost."""
        status = "ready" if self._performer.repeatable else "unknown"
        cursor = await connection.execute(
            "update effects set status = %s, at = %s, detail = 'the worker died before the result was known' "
            "where partition = any(%s) and status = 'started' and effect_id <> all(%s)",
            (status, self._clock.now(), sorted(partitions), sorted(self._running)),
        )
        if cursor.rowcount:
            log.warning("found started effects", count=cursor.rowcount, now=status)
            self._on_result()

    async def _start(self, connection: Connection, partitions: Collection[int]) -> list[tuple[str, bytes]]:
        cursor = connection.cursor(binary=True)
        await cursor.execute(
            "update effects set status = 'started' where effect_id in (select effect_id from effects "
            "where partition = any(%s) and status = 'ready' order by effect_id limit %s for update skip locked) "
            "returning effect_id, body",
            (sorted(partitions), AT_ONCE),
        )
        return await cursor.fetchall()

    async def _perform_all(self, connection: Connection, rows: list[tuple[str, bytes]]) -> None:
        self._running.update(effect_id for effect_id, _ in rows)
        try:
            results = await asyncio.gather(*(self._perform(effect_id, body) for effect_id, body in rows))
            await connection.execute(
                "update effects e set status = n.status, detail = n.detail, at = n.at "
                "from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) "
                "as n (effect_id, status, detail, at) "
                "where e.effect_id = n.effect_id and e.status = 'started'",
                tuple(map(list, zip(*results, strict=True))),
            )
        finally:
            self._running.difference_update(effect_id for effect_id, _ in rows)
        self._on_result()

    async def _perform(self, effect_id: str, body: bytes) -> tuple[str, str, str, datetime]:
        effect = orjson.loads(body)
        try:
            result, detail = await self._performer.perform(effect["kind"], effect["payload"])
        except Exception as error:  # noqa: BLE001  # becomes a `failed` result that the stage decides about
            # Only the type: a sender's message may quote an address.
            log.error("an effect failed", effect_id=effect_id, kind=effect["kind"], error=type(error).__name__)  # noqa: TRY400
            result, detail = "failed", repr(error)[:500]
        EFFECTS.labels(self._service, effect["kind"], result).inc()
        return effect_id, result, detail, self._clock.now()
