"""Whether what each service emitted and kept of a lead follows from what it read of that lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any, NamedTuple, TypeVar

import orjson

from policy import Policy
from runtime.stage import Input, Stage, TimerDue
from schemas.base import Cause, Event, derived_id
from schemas.events import (
    Assignment,
    LeadAssigned,
    LeadReassigned,
    TouchRecorded,
)
from schemas.topics import (
    ERASED,
    Topic,
)
from services.enrich.stage import EnrichStage
from services.nurture.domain.limits import SenderDay, SenderDays, places
from services.nurture.stage import NurtureStage
from services.nurture.store import Batch
from services.route.domain.turns import Candidate, Turn, Turns
from services.route.stage import RouteStage
from services.route.store import SharedState
from services.score.stage import ScoreStage
from tests.support.chain_log import ByLead, Log
from tests.support.chain_run import ChainRun
from tests.support.linearize import Asked, Explainer, Found, Unexplained

MOST_TOLD = 20
ACCOUNT_RULE = "account-owner"

T = TypeVar("T")
_fork = get_context("fork")


@dataclass
class Explained:
    """One service's leads, each to be explained by its inputs."""

    explainer: Explainer[Any]

    @property
    def inputs(self) -> tuple[Topic, ...]:
        return tuple(topic for topic in self.explainer.stage.inputs if topic is not ERASED)

    async def questions(self, run: ChainRun, log: Log) -> list[Question]:
        """What is to be explained, lead by lead."""
        stage = self.explainer.stage
        states = await run.harness.states(stage)
        timers = await _timers(run, stage)
        emitted: ByLead = defaultdict(list)
        for topic in self.explainer.stage.outputs:
            for event in log.events[topic.name]:
                if event.source == f"leadstream/{stage.name}":
                    emitted[event.subject].append(event)
        leads = {lead for topic in self.inputs for lead in log.leads[topic.name]} | states.keys() | emitted.keys()
        return [
            Question(
                lead,
                self.explainer,
                Found(
                    [log.of(topic, lead) for topic in self.inputs],
                    emitted.get(lead, []),
                    states.get(lead),
                    timers.get(lead, {}),
                ),
            )
            for lead in sorted(leads | timers.keys())
        ]


class Question(NamedTuple):
    """Does what one service did with one lead follow from what it read?"""

    lead: str
    explainer: Explainer[Any]
    found: Found[Any]


def complaints(questions: Sequence[Question]) -> list[str]:
    """What can't be explained; the first of it."""
    wrong: list[str] = []
    for lead, explainer, found in questions:
        if complaint := explainer.explain(found):
            wrong.append(f"{explainer.stage.name} of {lead}: {complaint}")
        if len(wrong) == MOST_TOLD:
            break
    return wrong


def in_two_processes(work: Callable[[Sequence[T]], list[str]], items: Sequence[T]) -> list[str]:
    """What the work says of each half. A copy of this process does one, as sending it the items would take longer."""
    here, there = _fork.Pipe(duplex=False)
    copy = _fork.Process(target=lambda: there.send(work(items[1::2])))
    copy.start()
    there.close()
    try:
        return work(items[::2]) + list(here.recv())
    finally:
        copy.join()


async def _timers(run: ChainRun, stage: Stage[Any]) -> dict[str, dict[str, tuple[datetime, Mapping[str, Any]]]]:
    query = f"select lead_id, name, due, body from {run.settings.schema_of(stage.name)}.timers"
    timers: dict[str, dict[str, tuple[datetime, Mapping[str, Any]]]] = defaultdict(dict)
    for lead, name, due, body in await run.harness.rows(query):
        timers[lead][name] = due.astimezone(UTC), orjson.loads(bytes(body))["data"]
    return timers


def enrich(policy: Policy, run: ChainRun) -> Explained:
    return Explained(Explainer(EnrichStage(), policy, run.clock.now()))


def score(policy: Policy, run: ChainRun) -> Explained:
    return Explained(Explainer(ScoreStage(), policy, run.clock.now()))


def route(policy: Policy, run: ChainRun) -> Explained:
    explainer = Explainer(RouteStage(), policy, run.clock.now(), shared=_recorded_turns)
    return Explained(explainer)


class RecordedTurns(Turns):
    """Gives the turns that the input's assignments record, and only to who they say could have had them."""

    def __init__(self, cause: Cause, emitted: Sequence[Event]) -> None:
        super().__init__()
        kinds = (LeadAssigned.TYPES[0], LeadReassigned.TYPES[0])
        ids = {derived_id(RouteStage.name, cause.id, kind, ordinal) for kind in kinds for ordinal in range(3)}
        self._told: list[Assignment] = [event.data for event in emitted if event.id in ids]
        self._turns = iter([each for each in self._told if each.turn is not None])

    def take(self, pool: str, candidates: Sequence[Candidate]) -> Turn:
        told = next(self._turns, None)
        if told is None or told.turn is None or told.turn.pool != pool:
            raise Unexplained
        if told.turn.available != tuple(each.rep for each in candidates):
            raise Unexplained
        return Turn(told.rep, told.turn.ordinal)

    def account_owner(self, domain: str) -> str | None:  # noqa: ARG002  # who that is, is taken from what followed
        first = self._told[0] if self._told else None
        return first.rep if first is not None and first.rule == ACCOUNT_RULE else None


def _recorded_turns(_: Input, cause: Cause, emitted: Sequence[Event]) -> Iterator[SharedState]:
    yield SharedState(real=RecordedTurns(cause, emitted))


class Days(SenderDays):
    """Some senders have nothing left of their day, all others have all of it."""

    def __init__(self, full: Collection[str], known: Collection[SenderDay] | None) -> None:
        super().__init__({})
        self._full, self._known = full, known

    def knows(self, place: SenderDay) -> bool:
        return self._known is None or place in self._known

    def take(self, place: SenderDay, limit: int) -> bool:  # noqa: ARG002  # checked as a whole in `sendings`
        return place.sender.partition(":")[0] not in self._full

    def give_back(self, place: SenderDay) -> None:  # noqa: ARG002  # nothing is given back
        raise Unexplained  # the dry run sends everything


def _possible_days(item: Input, _: Cause, __: Sequence[Event]) -> Iterator[Batch]:
    yield Batch(Days((), None), {})
    if isinstance(item, TimerDue):
        # Of several touches that are due together, each counts against a sender of its own kind.
        for kinds in ({"email"}, {"linkedin"}, {"sms"}, {"email", "linkedin"}, {"email", "sms"}, {"linkedin", "sms"}):
            yield Batch(Days(kinds, None), {})
        yield Batch(Days({"email", "linkedin", "sms"}, None), {})
        # The batch had locked nothing but what this timer said of its touches.
        yield Batch(Days((), places((item.data,))), {})


def _sent_at(asked: Asked, emitted: Sequence[Event]) -> datetime | None:
    told = emitted[0] if emitted else None
    if isinstance(told, TouchRecorded) and told.data.touch_id == asked.payload["touch_id"] and told.status == "sent":
        return told.data.occurred_at
    return None


def nurture(policy: Policy, run: ChainRun) -> Explained:
    explainer = Explainer(NurtureStage(), policy, run.clock.now(), shared=_possible_days, answered_at=_sent_at)
    return Explained(explainer)
