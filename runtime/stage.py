"""What a service is to the runtime: a pure decision per input, and the rows it keeps besides its leads' state.

A service names its topics and decides; the runtime reads, fences, stores, numbers and publishes:

    class ScoreStage(Stage[ScoreState]):
        name = "score"
        inputs = (ENRICHED, SIGNALS)
        outputs = (SCORED,)
        state_type = ScoreState

        def decide(self, item, state, ctx):
            match item:
                case LeadEnriched(): ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec
import psycopg

from policy import Policy
from schemas.base import Cause, Event, Record
from schemas.topics import Topic

S = TypeVar("S", bound=Record)
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer that an earlier decision set has run out."""

    lead_id: str
    name: str
    due: datetime
    data: Mapping[str, Any]
    cause: Cause


@dataclass(frozen=True, slots=True)
class EffectDone:
    """The result of an effect that an earlier decision asked for.

    `unknown` means that the process died between starting and finishing an effect that must not be repeated.
    """

    lead_id: str
    effect_id: str
    kind: str
    result: Literal["done", "failed", "unknown"]
    detail: str
    at: datetime
    payload: Mapping[str, Any]
    cause: Cause


Input = Event | TimerDue | EffectDone


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake this lead at `due`; a timer of the same name for the lead is replaced."""

    name: str
    due: datetime
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the lead's timer `name`, if there is one."""

    name: str


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done outside, after this decision is committed. Ignored in `history` and `shadow`.

    `payload` is JSON-able. The service's `perform` is called with it, at most once unless it says that
    repeating is harmless.
    """

    effect_id: str
    kind: str
    payload: Mapping[str, Any]


class Decision(msgspec.Struct, Generic[S], frozen=True, gc=False):
    """What follows from one input. `state` is the lead's whole new state; None forgets the lead."""

    state: S | None
    events: tuple[Event, ...] = ()
    timers: tuple[SetTimer | CancelTimer, ...] = ()
    effects: tuple[Effect, ...] = ()
    dropped: str | None = None
    """Set when nothing was decided, with the reason it is counted under, such as `duplicate_signal`."""


class Context(msgspec.Struct, frozen=True, gc=False):
    """What a decision may know besides the input and the lead's state."""

    service: str
    cause: Cause | Event
    policy: Policy
    now: datetime
    """Business time of the input: an event's `time`, or the moment a timer was due."""
    clock: datetime
    """Time of the worker's clock; stamped on live events so that latencies are true, never decided on."""
    shared: Any = None
    """What the stage's `prepare` returned for this batch."""

    def emit(self, event: type[E], data: Record, *, type: str | None = None, ordinal: int = 0) -> E:  # noqa: A002  # CloudEvents' own name
        """Builds an event caused by this input. `ordinal` tells apart several of one type from one input."""
        return event.create(
            cause=self.cause,
            service=self.service,
            time=self.clock if self.cause.mode == "live" else self.now,
            data=data,
            type=type,
            policy=self.policy.version,
            ordinal=ordinal,
        )


class Change(msgspec.Struct, Generic[S], frozen=True, gc=False):
    """A lead's state before and after a batch."""

    partition: int
    before: S | None
    after: S | None


class Stage(Generic[S]):
    """One service's part in the stream. Subclasses set the class attributes and `decide`."""

    name: ClassVar[str]
    inputs: ClassVar[tuple[Topic, ...]]
    outputs: ClassVar[tuple[Topic, ...]]
    state_type: type[S]
    transactional: ClassVar[bool] = False
    """True when `prepare` or `save` is overridden, so that a batch runs in an explicit transaction."""
    pace: ClassVar[float] = 0.025
    """Seconds from the beginning of one batch to that of the next, at least: what comes in a stream travels together,
    which costs less. What comes alone waits for nothing."""
    ignores: ClassVar[frozenset[str]] = frozenset()
    """Types of event on the inputs that never tell this stage anything; they are counted and passed over unread."""
    takes_intake: ClassVar[bool] = False
    """True when writers that own no partition put events into the service's `intake` table."""

    def decide(self, item: Input, state: S | None, ctx: Context) -> Decision[S]:
        """Decides about one input: pure, no I/O, the same answer for the same arguments.

        `state` is None for a lead never seen. Several inputs of one batch are decided one after the other, each
        with the state the one before left. An exception dead-letters the input.
        """
        raise NotImplementedError

    async def prepare(
        self,
        connection: psycopg.AsyncConnection[Any],  # noqa: ARG002  # this and the next: for those who override it
        items: Sequence[Input],  # noqa: ARG002
        policy: Policy,  # noqa: ARG002
    ) -> Any:
        """Loads, and locks, what this batch shares with other partitions; the result is `Context.shared`.

        Runs in the batch's transaction. The stage's decisions may change the returned object; `save` writes it.
        """
        return None

    async def save(
        self,
        connection: psycopg.AsyncConnection[Any],  # noqa: ARG002  # as above
        shared: Any,  # noqa: ARG002
        changes: Mapping[str, Change[S]],  # noqa: ARG002
    ) -> None:
        """Writes the service's own rows, in the same transaction as position, state and outbox."""
        return

    def committed(self, shared: Any, changes: Mapping[str, Change[S]]) -> None:
        """Called once a batch stands, never for one that was discarded; for metrics. Must be quick."""
