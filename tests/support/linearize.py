"""Whether what a stage emitted and kept of one lead follows from its inputs, each taken once, in *some* order.

The topics have no order among each other, and a timer or an effect's answer may come at any moment after it was asked
for. So this looks for an order that explains everything: each topic's events in theirs, each timer and each effect
once, the stage's own pure `decide` in between, no Kafka and no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from policy import Policy
from runtime.stage import CancelTimer, Context, Decision, EffectDone, Input, Stage, TimerDue
from schemas.base import Cause, Event, Record, cause_of, derived_id

S = TypeVar("S", bound=Record)

MOST_STEPS = 20_000


class Unexplained(Exception):
    """What was emitted can't come from this input at this point."""


class Timer(NamedTuple):
    """A timer that stands."""

    due: datetime
    data: Mapping[str, Any]
    cause: Cause


class Asked(NamedTuple):
    """An effect whose answer has not been decided about."""

    kind: str
    payload: Mapping[str, Any]
    cause: Cause


@dataclass(frozen=True)
class Node(Generic[S]):
    """How far the inputs have been taken, and what they have led to."""

    taken: tuple[int, ...]
    told: int
    state: S | None
    timers: Mapping[str, Timer] = field(default_factory=dict)
    effects: Mapping[str, Asked] = field(default_factory=dict)

    def mark(self) -> tuple[Any, ...]:
        """Equal for nodes from which the same can follow."""
        state = self.state.to_json().decode() if self.state is not None else ""
        timers = tuple(sorted((name, timer.due) for name, timer in self.timers.items()))
        return self.taken, self.told, state, timers, tuple(sorted(self.effects))


class Turn(NamedTuple):
    """An input that could come next."""

    item: Input
    cause: Cause
    now: datetime
    after: Callable[[Node[Any]], Node[Any]]
    """Takes it out of what is waiting."""


@dataclass
class Found(Generic[S]):
    """What a service really did with one lead."""

    inputs: Sequence[Sequence[Event]]
    """A list for each topic."""
    emitted: Sequence[Event]
    state: S | None
    timers: Mapping[str, tuple[datetime, Mapping[str, Any]]]
    ids: dict[str, int] = field(init=False)
    """Of what was emitted, with its place."""
    places: dict[str, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = {event.id: place for place, event in enumerate(self.emitted)}


Shared = Callable[[Input, Cause, Sequence[Event]], Iterator[Any]]
"""What `Context.shared` may have been, given the input and what was emitted from there on."""


@dataclass
class Explainer(Generic[S]):
    """Explains one service's leads."""

    stage: Stage[S]
    policy: Policy
    until: datetime
    """Timers due later have not run out."""
    shared: Shared = lambda _item, _cause, _emitted: iter((None,))
    answered_at: Callable[[Asked, Sequence[Event]], datetime | None] = lambda _asked, _emitted: None
    """When an effect was answered, told by what was emitted from there on; None when the answer is not next."""

    def __post_init__(self) -> None:
        self._kinds = [kind for topic in self.stage.outputs for event in topic.events for kind in event.TYPES]

    def explain(self, found: Found[S]) -> str:
        """Nothing when there is an order that explains it all; otherwise how far it got."""
        first: Node[S] = Node((0,) * len(found.inputs), 0, None)
        stack, failed, furthest = [(first, self._turns(first, found))], set[Any](), first
        for _ in range(MOST_STEPS):
            if not stack:
                return self._complaint(furthest, found)
            node, turns = stack[-1]
            if self._complete(node, found):
                return ""
            following = next(turns, None)
            if following is None:
                failed.add(node.mark())
                stack.pop()
            elif not failed or following.mark() not in failed:
                furthest = max(furthest, following, key=lambda each: (each.told, sum(each.taken)))
                stack.append((following, self._turns(following, found)))
        return f"no explanation within {MOST_STEPS} steps; {self._complaint(furthest, found)}"

    def _complete(self, node: Node[S], found: Found[S]) -> bool:
        if node.told < len(found.emitted) or node.effects:
            return False
        if any(taken < len(each) for taken, each in zip(node.taken, found.inputs, strict=True)):
            return False
        return self._kept(node.state) == found.state and _standing(node.timers) == found.timers

    def _kept(self, state: S | None) -> S | None:
        """As it would be read from the database."""
        return None if state is None else self.stage.state_type.from_json(state.to_json())

    def _complaint(self, node: Node[S], found: Found[S]) -> str:
        left = [each[taken:] for taken, each in zip(node.taken, found.inputs, strict=True)]
        untaken = [f"{event.type} {event.id}" for each in left for event in each]
        return (
            f"at best {node.told} of {len(found.emitted)} events follow; inputs left: {untaken}; "
            f"next: {[f'{event.type} {event.id} {event.data!s:.600}' for event in found.emitted[node.told :][:1]]}; "
            f"timers {_standing(node.timers)} for {found.timers}; effects {list(node.effects)}; "
            f"state {self._kept(node.state)!s:.1500} for {found.state!s:.1500}"
        )

    def _place(self, cause: Cause, found: Found[S]) -> int | None:
        """Which of the emitted events is the first that the cause led to, told by the ids that it gives; if any is."""
        if cause.id not in found.places:
            own = (derived_id(self.stage.name, cause.id, kind, 0) for kind in self._kinds)
            found.places[cause.id] = min((found.ids[each] for each in own if each in found.ids), default=None)
        return found.places[cause.id]

    # -- one step ----------------------------------------------------------------------------------------------------

    def _turns(self, node: Node[S], found: Found[S]) -> Iterator[Node[S]]:
        """What can follow, most likely first."""
        rest = found.emitted[node.told :]
        turns = [*_events(node, found), *self._timers(node), *self._answers(node, rest)]
        for turn in sorted(turns, key=lambda each: each.now):
            if self._place(turn.cause, found) not in (None, node.told):
                continue  # what it led to was emitted later
            waiting = turn.after(node)
            for shared in self.shared(turn.item, turn.cause, rest):
                following = self._decided(waiting, turn, shared, rest)
                if following is not None:
                    yield following

    def _decided(self, node: Node[S], turn: Turn, shared: Any, rest: Sequence[Event]) -> Node[S] | None:
        clock = rest[0].time if rest else turn.now
        context = Context(self.stage.name, turn.cause, self.policy, turn.now, clock, shared)
        try:
            decision = self.stage.decide(turn.item, node.state, context)
        except Unexplained:
            return None
        if list(decision.events) != list(rest[: len(decision.events)]):
            return None
        return _after(node, decision, turn.cause)

    def _timers(self, node: Node[S]) -> Iterator[Turn]:
        for name, timer in node.timers.items():
            if timer.due <= self.until:
                own = derived_id(timer.cause.id, "timer", name, timer.due.isoformat())
                due = TimerDue(timer.cause.lead_id, name, timer.due, timer.data, timer.cause)
                cause = timer.cause.replace(id=own)
                yield Turn(due, cause, timer.due, _without_timer(name))

    def _answers(self, node: Node[S], rest: Sequence[Event]) -> Iterator[Turn]:
        for identity, asked in node.effects.items():
            at = self.answered_at(asked, rest)
            if at is not None:
                done = EffectDone(asked.cause.lead_id, identity, asked.kind, "done", "", at, asked.payload, asked.cause)
                cause = asked.cause.replace(id=derived_id(identity, "result", "done"))
                yield Turn(done, cause, at, _without_effect(identity))


def _events(node: Node[Any], found: Found[Any]) -> Iterator[Turn]:
    for number, events in enumerate(found.inputs):
        if node.taken[number] < len(events):
            event = events[node.taken[number]]
            yield Turn(event, cause_of(event), event.time, _one_more(number))


def _one_more(number: int) -> Callable[[Node[Any]], Node[Any]]:
    def after(node: Node[Any]) -> Node[Any]:
        taken = tuple(count + (place == number) for place, count in enumerate(node.taken))
        return replace(node, taken=taken)

    return after


def _without_timer(name: str) -> Callable[[Node[Any]], Node[Any]]:
    return lambda node: replace(node, timers={key: each for key, each in node.timers.items() if key != name})


def _without_effect(identity: str) -> Callable[[Node[Any]], Node[Any]]:
    return lambda node: replace(node, effects={key: each for key, each in node.effects.items() if key != identity})


def _after(node: Node[S], decision: Decision[S], cause: Cause) -> Node[S]:
    timers, effects = dict(node.timers), dict(node.effects)
    for timer in decision.timers:
        timers.pop(timer.name, None)
        if not isinstance(timer, CancelTimer):
            timers[timer.name] = Timer(timer.due.astimezone(UTC), _as_stored(timer.data or {}), cause)
    for effect in decision.effects:
        effects[effect.effect_id] = Asked(effect.kind, _as_stored(effect.payload), cause)
    return replace(node, told=node.told + len(decision.events), state=decision.state, timers=timers, effects=effects)


def _as_stored(data: Mapping[str, Any]) -> Mapping[str, Any]:
    stored: Mapping[str, Any] = orjson.loads(orjson.dumps(dict(data)))
    return stored


def _standing(timers: Mapping[str, Timer]) -> dict[str, tuple[datetime, Mapping[str, Any]]]:
    return {name: (timer.due, timer.data) for name, timer in timers.items()}
