"""Carries out what nurture has decided to send. Which sender does it is chosen in `app.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import psycopg
import structlog
from typing_extensions import override

from infra.clock import Clock
from infra.postgres import PASSING, REFUSED, Connection, connect
from infra.settings import Settings
from runtime.effects import Performer
from services.nurture.store import keep_dry_runs

log = structlog.get_logger()

AT_ONCE = 32
"""Touches that the dry run writes in one statement."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one attempt.

    `retry`: nothing went out, and it may be tried again; `refused`: nothing went out, and it never will;
    `bounced`: the address does not exist. A sender that can't tell whether the message went out must say
    `refused`, with a code that says so: a message is never sent twice.
    """

    outcome: Literal["sent", "retry", "refused", "bounced"]
    code: str = ""
    """Why, in lower case and without personal data, such as `mailbox_full`."""


class Sender(Protocol):
    """Sends one message or task."""

    idempotent: bool
    """True when sending the same touch twice does no harm."""
    reaches_people: bool
    """True when somebody is disturbed: then nothing is sent after its window has closed."""

    async def send(self, payload: Mapping[str, Any]) -> SendResult:
        """Sends what `services.nurture.domain.due` has put together, or says why not."""
        ...


class _Waiting(NamedTuple):
    """A touch that is to be written, and who waits for it."""

    payload: Mapping[str, Any]
    at: datetime
    written: asyncio.Future[None]


class DryRunSender:
    """Writes what it would send, one JSON line for each touch, into `dry_run_outbox`.

    What is to be sent at the same time is written in one statement.
    """

    idempotent = True
    reaches_people = False

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._at_once = AT_ONCE

    async def send(self, payload: Mapping[str, Any]) -> SendResult:
        """Writes the touch. Waits for a database that is away, because that is no fault of the touch.

        Raises:
            psycopg.Error: the database does not take the touch.
        """
        mine = _Waiting(payload, self._clock.now(), asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        await asyncio.sleep(0)  # what is sent together with it joins
        while not mine.written.done():
            async with self._turn:  # one connection, one task at a time
                await self._write_waiting()
        await mine.written
        return SendResult("sent", "dry_run")

    async def _write_waiting(self) -> None:
        """Writes what waits. After a refusal one by one, so that only the touch that is refused fails."""
        batch = self._waiting[: self._at_once]
        try:
            await self._write(batch)
        except (psycopg.Error, OSError) as error:
            if isinstance(error, (*PASSING, OSError)) and not isinstance(error, REFUSED):
                log.warning("the dry run waits for the database", error=type(error).__name__)
                await self.close()
                await asyncio.sleep(1.0)
            elif len(batch) > 1:
                self._at_once = 1
            else:
                self._settle(batch, error)
        else:
            self._settle(batch, None)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._settings, "nurture")
        await keep_dry_runs(self._connection, [(each.payload, each.at) for each in batch])

    def _settle(self, batch: Sequence[_Waiting], error: Exception | None) -> None:
        del self._waiting[: len(batch)]
        for each in batch:
            if each.written.done():  # nobody waits any more
                continue
            if error is None:
                each.written.set_result(None)
            else:
                each.written.set_exception(error)
        if not self._waiting:
            self._at_once = AT_ONCE

    async def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            await self._connection.close()


class TouchPerformer(Performer):
    """Has the sender carry out the effects that nurture asks for."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self.repeatable = sender.idempotent

    @override
    async def perform(self, kind: str, payload: Mapping[str, Any]) -> tuple[Literal["done", "failed"], str]:
        """Sends one touch, unless it comes too late: a worker that was down must not write in the night.

        A failure's text is `<outcome>:<code>`, where the outcome is `late` or one of `SendResult`.

        Raises:
            ValueError: an effect that nurture does not ask for.
        """
        if kind != "send":
            raise ValueError(f"nurture has no effect `{kind}`; it asks for `send` only")
        if self._sender.reaches_people and self._clock.now() >= datetime.fromisoformat(payload["send_before"]):
            return "failed", "late:send_window_closed"
        result = await self._sender.send(payload)
        return ("done", result.code) if result.outcome == "sent" else ("failed", f"{result.outcome}:{result.code}")
