"""Waiting for a fault to pass: a server that restarts, a connection that broke, a stand-by that is being promoted.

What passes is said by the adapter that knows: `infra.postgres.AWAY`, `infra.kafka.AWAY`. Everything else is raised at
once. stamina and tenacity do the same for one call; most of our loops go on for as long as the service does, keep a
connection between calls and count on the service's own metric, which this does in less than their adapters would.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")
Faults = tuple[type[Exception], ...]

FIRST_SECONDS, MOST_SECONDS = 0.1, 2.0


def pauses(first: float = FIRST_SECONDS, most: float = MOST_SECONDS) -> Iterator[float]:
    """Seconds to wait before each new try, without end: `first`, then twice as long each time, up to `most`."""
    pause = min(first, most)
    while True:
        yield pause
        pause = min(pause * 2, most)


class Retry:
    """One thing that is tried until it works: logs and counts each fault, and waits longer from one to the next.

    Args:
        what: what waits, for the log: "publishing", "effects".
        passing: the faults that are waited out.
        first: seconds before the second try.
        most: the longest wait in seconds.
        count: told of each fault, for a metric.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        what: str,
        passing: Faults,
        *,
        first: float = FIRST_SECONDS,
        most: float = MOST_SECONDS,
        count: Callable[[Exception], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.passing = passing
        self._what, self._first, self._most = what, first, most
        self._count, self._sleep = count, sleep
        self._pauses = pauses(first, most)

    def worked(self) -> None:
        """The next fault is a new one: the wait for it begins short again."""
        self._pauses = pauses(self._first, self._most)

    async def wait(self, error: Exception) -> None:
        """Notes a fault and waits, for a loop that has more to do than to call again."""
        from infra.redact import safe_message  # it knows every server's errors, and most commands need none of them

        if self._count is not None:
            self._count(error)
        pause = next(self._pauses)
        log.warning("a server is away, trying again", what=self._what, error=safe_message(error), seconds=pause)
        await self._sleep(pause)

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, once it does.

        Raises:
            Exception: a fault that does not pass, as `work` raised it.
        """
        while True:
            try:
                result = await work()
            except self.passing as error:
                await self.wait(error)
            else:
                self.worked()
                return result


def call_until(
    deadline: float,
    work: Callable[[], T],
    passing: Faults,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """What `work` returns, once it does; blocks.

    Args:
        deadline: when to give up, by `now`; a first try is always made.
        work: what is tried.
        passing: the faults that are waited out.
        sleep: waits that many seconds.
        now: a clock that only goes forward, in seconds.

    Raises:
        Exception: the last fault when the deadline has passed, or one that does not pass.
    """
    for pause in pauses():
        try:
            return work()
        except passing:
            if now() + pause > deadline:
                raise
            sleep(pause)
    raise AssertionError("pauses never end")
