"""`leadstream route explain`: who a lead would go to, and what every rule said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.context import KAFKA, POSTGRES, USAGE, CommandFailed, Stack, database, find_stack, run
from cli.leads import lead_named
from cli.output import err, out, print_json
from log.policies import in_force, read_policies
from log.reader import Log, is_erased, open_log
from log.times import InvalidTimeError, format_time, parse_time
from policy import Policy
from schemas.base import Event
from schemas.events import LeadAssigned, LeadParked, LeadReassigned, LeadRecycled, LeadScored, Scored
from schemas.topics import ASSIGNED, SCORED, Topic
from services.route import store
from services.route.domain.compiled_routing import compile_routing
from services.route.domain.explain import Explanation, explain
from services.route.domain.lock_plan import LockPlanner
from services.route.domain.selection import Placement
from services.route.domain.turns import Turns

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="rich")

Owned = LeadAssigned | LeadReassigned
Settled = Owned | LeadParked | LeadRecycled
"""Events that say who has the lead, or that nobody does."""


@app.callback()
def route() -> None:
    """Explain who leads go to.

    Routing rules stand in the policy; every decision names the rule that made it.
    """


@app.command(
    "explain",
    no_args_is_help=True,
    epilog="[bold]Example[/]\n  [green]leadstream route explain ada@example.com[/]\n"
    "      [dim]every rule in order, who was available, who would be picked[/]",
)
def explain_lead(
    who: Annotated[str, typer.Argument(help="A lead id, an email address, or a phone number with its country code.")],
    *,
    at: Annotated[
        str | None, typer.Option(help="As of when: 2026-04-01T09:30, or 15m (ago).", show_default="now")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON document.")] = False,
) -> None:
    """Tell who a lead would go to, were it new: every rule in order, who was available, and who would be picked.

    Takes the lead as last scored, the policy in force then, and the turns as they stand. Changes nothing.
    """
    answer = run(_explained(find_stack(KAFKA), who, at))
    if not answer.turns_known:
        err().print(
            f"{POSTGRES} is not set: turns, leads given that day and owners of companies are not known.", soft_wrap=True
        )
    if as_json:
        print_json(document_of(answer))
    else:
        for line in lines_of(answer):
            out().print(line, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told about one lead."""

    scored: LeadScored
    settled: Settled | None
    """What was decided last; None when nothing was yet."""
    policy: str
    """Version."""
    at: datetime
    explanation: Explanation
    turns_known: bool


async def _explained(stack: Stack, who: str, at: str | None) -> Answer:
    moment = _moment(at, stack.clock.now())
    async with open_log(stack.settings) as log:
        lead = await lead_named(stack, log, who)
        scored = await _latest(log, lead, SCORED, (LeadScored,))
        settled = await _latest(log, lead, ASSIGNED, (LeadAssigned, LeadReassigned, LeadParked, LeadRecycled))
        published = in_force(await read_policies(log), moment)
    if not isinstance(scored, LeadScored):
        raise CommandFailed(
            f"lead {lead} has no score yet, and routing waits for one. `leadstream trace {lead}` tells how far it got"
        )
    if published is None or published.policy is None:
        raise CommandFailed("no policy is published; run `leadstream policy publish policy.yaml`")
    policy = published.policy
    turns = await _turns(stack, policy, scored.data, moment) if os.environ.get(POSTGRES) else None
    explanation = explain(policy, scored.data, moment, turns=turns)
    return Answer(
        scored,
        settled if isinstance(settled, Settled) else None,
        policy.version,
        moment,
        explanation,
        turns_known=turns is not None,
    )


def _moment(text: str | None, now: datetime) -> datetime:
    try:
        return parse_time(text, now) if text else now
    except InvalidTimeError as error:
        raise CommandFailed(f"--at: {error}", USAGE) from error


async def _latest(log: Log, lead: str, topic: Topic, kinds: tuple[type[Event], ...]) -> Event | None:
    """Returns the lead's latest event of these kinds on the topic; None when there is none since its erasure."""
    places, erasures = log.places((topic,), lead), await log.erasures(lead)
    latest: Event | None = None
    async for record in log.read(await log.begins(places), await log.ends(places)):
        event = log.decode(record).event if record.key == lead.encode() else None
        if isinstance(event, kinds) and not is_erased(event, erasures):
            latest = event if latest is None or event.time >= latest.time else latest
    return latest


async def _turns(stack: Stack, policy: Policy, scored: Scored, at: datetime) -> Turns:
    planner = LockPlanner(compile_routing(policy))
    planner.add_everything(at.astimezone(UTC))
    planner.plan.domains.update([scored.profile.domain] if scored.profile.domain else ())
    async with database(stack.settings, "route") as connection:
        return await store.read(connection, planner.plan)


def lines_of(answer: Answer) -> Iterator[str]:
    """Yields the answer for people to read, a line at a time."""
    scored = answer.scored.data
    yield (
        f"Lead {answer.scored.subject}, scored {scored.total} {scored.band} {scored.tier}, {scored.qualification}, "
        f"at {format_time(answer.scored.time)} UTC"
    )
    yield _settled(answer.settled)
    yield f"Were it new at {format_time(answer.at)} UTC, policy {answer.policy} would decide:"
    yield from (f"  {line}" for line in answer.explanation.lines())


def _settled(settled: Settled | None) -> str:
    if settled is None:
        return "Nothing is decided about it yet"
    when, rule = f"at {format_time(settled.time)} UTC", f"rule {settled.data.rule}"
    if isinstance(settled, Owned):
        return f"Owned by {settled.data.rep_name} of team {settled.data.team}, by {rule}, {when}"
    return f"Owned by nobody, by {rule}, {when}"


def document_of(answer: Answer) -> dict[str, Any]:
    """Returns the answer for a script."""
    scored, found, settled = answer.scored.data, answer.explanation, answer.settled
    decision = found.decision
    turn = decision.turn if isinstance(decision, Placement) else None
    return {
        "lead": answer.scored.subject,
        "scored": {
            "at": answer.scored.time,
            "total": scored.total,
            "band": scored.band,
            "tier": scored.tier,
            "qualification": scored.qualification,
        },
        "now": None
        if settled is None
        else {
            "at": settled.time,
            "rep": settled.data.rep if isinstance(settled, Owned) else None,
            "rule": settled.data.rule,
        },
        "at": answer.at,
        "policy": answer.policy,
        "turns_known": answer.turns_known,
        "territory": found.territory,
        "rules": [asdict(step) for step in found.rules],
        "fallback": [asdict(each) for each in found.fallback],
        "decision": {
            "rule": decision.rule,
            "rep": decision.rep.id if isinstance(decision, Placement) else None,
            "reason": decision.reason,
            "turn": {"pool": turn.pool, "ordinal": turn.ordinal, "available": turn.available} if turn else None,
        },
        "deadlines": {"owned_by": found.deadlines.owned_by, "contacted_by": found.deadlines.contacted_by}
        if found.deadlines
        else None,
    }
