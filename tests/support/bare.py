"""Two bare stages, for testing the runtime's promises without any domain: alpha passes on to beta."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b
from typing import Literal

from runtime.stage import CancelTimer, Context, Decision, Input, SetTimer, Stage, TimerDue
from schemas.base import Event, Record
from schemas.topics import Topic


class Step(Record, frozen=True, kw_only=True):
    """The n-th event of a lead."""

    n: int
    note: str = ""


class Ping(Event, frozen=True, kw_only=True):
    """Goes in."""

    type: Literal["bare.ping.v1"] = "bare.ping.v1"
    data: Step


class Pong(Event, frozen=True, kw_only=True):
    """Comes out of alpha."""

    type: Literal["bare.pong.v1"] = "bare.pong.v1"
    data: Step


class Done(Event, frozen=True, kw_only=True):
    """Comes out of beta."""

    type: Literal["bare.done.v1"] = "bare.done.v1"
    data: Step


PINGS = Topic("bare.pings", (Ping,), (), ("alpha",), "Input.")
PONGS = Topic("bare.pongs", (Pong,), ("alpha",), ("beta",), "Between.")
DONE = Topic("bare.done", (Done,), ("beta",), (), "Output.")
BARE_TOPICS = (PINGS, PONGS, DONE)


class Tally(Record, frozen=True, kw_only=True):
    """What a bare stage keeps of a lead: how many events, and a hash over them in their order."""

    count: int = 0
    order: str = ""
    timers: int = 0


def fold(tally: Tally | None, note: str) -> Tally:
    """The tally after one more event."""
    tally = tally or Tally()
    order = blake2b(f"{tally.order}{note}".encode(), digest_size=8).hexdigest()
    return Tally(count=tally.count + 1, order=order, timers=tally.timers)


def _timers(ping: Ping) -> Iterator[SetTimer | CancelTimer]:
    n = ping.data.n
    if n % 5 == 0:
        yield SetTimer(f"t{n}", ping.time + timedelta(milliseconds=200), {"n": n})
    if n % 7 == 3:
        yield SetTimer("later", ping.time + timedelta(days=1), {"n": n})
    if n % 7 == 5:
        yield CancelTimer("later")


class Alpha(Stage[Tally]):
    """Counts pings and passes each on; every fifth sets a timer whose firing is passed on too.

    Some set a timer `later`, for a day on, or forget it: timers that stand when a test looks.
    """

    name = "alpha"
    inputs = (PINGS,)
    outputs = (PONGS,)
    state_type = Tally

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:
        """Passes on."""
        if isinstance(item, TimerDue):
            assert state is not None
            rung = state.replace(timers=state.timers + 1)
            return Decision(rung, events=(ctx.emit(Pong, Step(n=item.data["n"], note="timer")),))
        assert isinstance(item, Ping)
        if item.data.note == "raise":
            raise ValueError("told to")
        tally = fold(state, str(item.data.n))
        return Decision(tally, events=(ctx.emit(Pong, Step(n=item.data.n)),), timers=tuple(_timers(item)))


class Beta(Stage[Tally]):
    """Counts what alpha passes on, timers apart."""

    name = "beta"
    inputs = (PONGS,)
    outputs = (DONE,)
    state_type = Tally

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:
        """Counts."""
        assert isinstance(item, Pong)
        state = state or Tally()
        if item.data.note == "timer":
            return Decision(state.replace(timers=state.timers + 1))
        return Decision(fold(state, str(item.data.n)), events=(ctx.emit(Done, item.data),))


STAGES: dict[str, type[Stage[Tally]]] = {"alpha": Alpha, "beta": Beta}
