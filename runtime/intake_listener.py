"""Word of events that wait to be numbered: heard from Postgres, and looked for once a second in case one was missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import structlog

from infra.postgres import connect
from infra.settings import Settings

log = structlog.get_logger()

AGAIN_SECONDS = 1.0


class IntakeListener:
    """Whether there may be unnumbered events."""

    def __init__(self, service: str, settings: Settings, wake: Callable[[], None]) -> None:
        self._service, self._settings, self._wake = service, settings, wake
        self._announced = True
        self._listener: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begins to listen."""
        self._listener = asyncio.create_task(self._listen(), name="intake listener")

    async def close(self) -> None:
        """Stops listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    def announce(self) -> None:
        """There may be some."""
        self._announced = True

    def take(self) -> bool:
        """Whether there may be some; forgets it."""
        announced, self._announced = self._announced, False
        return announced

    async def _listen(self) -> None:
        channel = f'"{self._settings.schema_of(self._service)}_intake"'
        while True:
            try:
                async with await connect(self._settings, self._service) as connection:
                    await connection.execute(f"listen {channel}")
                    async for _ in connection.notifies():
                        self._announced = True
                        self._wake()
            except (psycopg.OperationalError, OSError) as error:
                log.warning("listening for unnumbered events failed", error=repr(error))
            await asyncio.sleep(AGAIN_SECONDS)
