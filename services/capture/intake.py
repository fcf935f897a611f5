"""Group commit: requests that arrive while a transaction is under way go together into the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import NamedTuple

import structlog

from infra import postgres
from infra.errors import LeadstreamError
from infra.postgres import Connection
from services.capture import telemetry
from services.capture.domain.items import Item, Refusal
from services.capture.domain.resolve import Result
from services.capture.store import CommitUnknown, Contended, accept, prepare, settled

log = structlog.get_logger()

Input = Item | Refusal

REFUSED = (*postgres.REFUSED, UnicodeError)
"""What the database, or its driver, does not take."""

TRANSIENT = (*postgres.PASSING, Contended, ConnectionError, TimeoutError)
"""Faults that pass by themselves."""

PACE = 0.02
"""Seconds from the beginning of one transaction to that of the next, at least: what comes in a stream goes together."""

PATIENCE = 5.0
"""Seconds that an item may wait for a server that is away, before its sender is told to come back."""

UNKNOWN_COMMIT_PATIENCE = 15.0
"""Seconds to find out what became of a commit; the server ends a frozen transaction after 6."""


class Unavailable(LeadstreamError):
    """The input was not stored; its sender should try again in a moment."""

    retry_after = 2
    """Seconds."""


class _Waiting(NamedTuple):
    items: Sequence[Input]
    done: asyncio.Future[list[Result | Exception]]


class Intake:
    """Accepts input, many pieces in one transaction.

    `run` must be running. What comes after a pause goes at once and alone; in a stream, it waits for the `pace`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        partitions: int,
        *,
        capacity: int = 5_000,
        group: int = 500,
        pace: float = PACE,
    ) -> None:
        """`connect` opens a connection of this object's own; `capacity` items may wait; `group` go together."""
        self._pace = pace
        self._connect = connect
        self._partitions = partitions
        self._capacity = capacity
        self._group = group
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._connection: Connection | None = None

    async def submit(self, items: Sequence[Input]) -> list[Result | Exception]:
        """Waits until the items are committed. An item's place holds the error when it could not be stored.

        Raises:
            Unavailable: too many items are waiting, or the service is stopping; nothing was stored.
        """
        if self._closed or self._queued + len(items) > self._capacity:
            raise Unavailable("more input is waiting than can be taken at the moment")
        done: asyncio.Future[list[Result | Exception]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(items, done))
        self._queued += len(items)
        self._arrived.set()
        return await done

    async def run(self) -> None:
        """Works until it is cancelled. The transaction under way is finished; what is waiting then is refused."""
        began = monotonic() - self._pace
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._queue:
                    await asyncio.sleep(max(0.0, began + self._pace - monotonic()))
                    began = monotonic()
                    await _finished(asyncio.create_task(self._serve(self._take()), name="group commit"))
        finally:
            self._closed = True
            for waiting in self._queue:
                if not waiting.done.done():
                    waiting.done.set_exception(Unavailable("the service is stopping"))
            await self._disconnect()

    def _take(self) -> list[_Waiting]:
        """The oldest requests, as many as go together; one with more items than that goes alone."""
        taken = [self._queue.popleft()]
        size = len(taken[0].items)
        while self._queue and size + len(self._queue[0].items) <= self._group:
            taken.append(self._queue.popleft())
            size += len(taken[-1].items)
        self._queued -= size
        telemetry.WAITING.set(self._queued)
        return taken

    async def _serve(self, taken: list[_Waiting]) -> None:
        items = [item for waiting in taken for item in waiting.items]
        started = monotonic()
        results = await self._store(items, started + PATIENCE)
        telemetry.GROUP_SIZE.observe(len(items))
        telemetry.GROUP_SECONDS.observe(monotonic() - started)
        start = 0
        for waiting in taken:
            end = start + len(waiting.items)
            if not waiting.done.done():  # its sender may have gone away; it is stored all the same
                waiting.done.set_result(results[start:end])
            start = end

    async def _store(self, items: Sequence[Input], deadline: float) -> list[Result | Exception]:
        """Stores a group. One that is refused for what is in it is halved, down to the item at fault."""
        try:
            return list(await self._persist(items, deadline))
        except Unavailable as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001  # handed to the one request it belongs to, which fails with it
            if len(items) == 1:
                return [error]
            log.warning("a group was refused; halving it", items=len(items), error=type(error).__name__)
        middle = len(items) // 2
        return [*await self._store(items[:middle], deadline), *await self._store(items[middle:], deadline)]

    async def _persist(self, items: Sequence[Input], deadline: float) -> list[Result]:
        """Stores a group in one transaction; waits out faults that pass.

        Raises:
            Unavailable: they have not passed within the deadline.
        """
        delay = 0.05
        while True:
            try:
                return (await accept(await self._connected(), items, self._partitions)).results
            except CommitUnknown as unknown:
                if await self._was_committed(unknown):
                    return unknown.results
            except REFUSED:
                raise
            except TRANSIENT as error:
                telemetry.RETRIES.labels(type(error).__name__).inc()
                await self._disconnect()
                if monotonic() + delay > deadline:
                    raise Unavailable("the database is away") from error
                log.warning("storing input failed, trying again", error=repr(error))
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)

    async def _was_committed(self, unknown: CommitUnknown) -> bool:
        """Asks, for as long as it takes, what became of a commit: telling a sender wrongly would lose or double it.

        Raises:
            Unavailable: the database stays away; the sender comes back, and an id makes the repeat harmless.
        """
        await self._disconnect()
        deadline = monotonic() + UNKNOWN_COMMIT_PATIENCE
        while monotonic() < deadline:
            try:
                committed = await settled(await self._connected(), unknown.transaction)
            except TRANSIENT as error:
                telemetry.RETRIES.labels(type(error).__name__).inc()
                await self._disconnect()
            else:
                if committed is not None:
                    return committed
            await asyncio.sleep(0.1)
        raise Unavailable("the database went away during the commit") from unknown

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.broken or self._connection.closed:
            await self._disconnect()
            self._connection = await self._connect()
            await prepare(self._connection)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _finished(task: asyncio.Task[None]) -> None:
    """Waits for the task; when cancelled meanwhile, for its end all the same, as its result is owed to someone."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.cancel() and not task.cancelled():
            task.result()
        raise
