"""Checks that hold between the sections of a policy: whatever one names, another defines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from policy.scoring import BANDS

if TYPE_CHECKING:
    from policy import Policy

Place = tuple[str | int, ...]
"""Where in the policy: keys and list positions from the root."""


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what would have been right."""

    place: Place
    message: str
    wrong: str | None = None
    known: tuple[str, ...] = ()


def find_problems(policy: Policy) -> Iterator[Problem]:
    """Everything in `policy` that contradicts another part of it."""
    yield from _unique_names(policy)
    yield from _bands(policy)
    yield from _people(policy)
    yield from _pools(policy)
    yield from _rules(policy)
    yield from _sequences(policy)


def _named(place: Place, what: str, wanted: Iterable[str], known: Iterable[str]) -> Iterator[Problem]:
    known = tuple(known)
    for name in wanted:
        if name not in known:
            yield Problem(place, f"there is no {what} `{name}`", name, known)


def _repeated(place: Place, what: str, names: Iterable[str], field: str = "id") -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] == 2:
            yield Problem((*place, index, field), f"two {what} are called `{name}`; names must be unique")


def _unique_names(policy: Policy) -> Iterator[Problem]:
    scoring, routing, nurture = policy.scoring, policy.routing, policy.nurture
    named: tuple[tuple[Place, str, Iterable[_HasId]], ...] = (
        (("scoring", "fit", "rules"), "fit rules", scoring.fit.rules),
        (("scoring", "outcomes"), "outcome adjustments", scoring.outcomes),
        (("scoring", "promotions"), "promotions", scoring.promotions),
        (("scoring", "qualification", "mql"), "qualification rules", scoring.qualification.mql),
        (("scoring", "qualification", "disqualify"), "disqualifiers", scoring.qualification.disqualify),
        (("routing", "teams"), "teams", routing.teams),
        (("routing", "reps"), "reps", routing.reps),
        (("routing", "territories"), "territories", routing.territories),
        (("routing", "pools"), "pools", routing.pools),
        (("routing", "rules"), "routing rules", routing.rules),
        (("nurture", "templates"), "templates", nurture.templates),
        (("nurture", "sequences"), "sequences", nurture.sequences),
        (("consent", "rules"), "consent rules", policy.consent.rules),
    )
    for place, what, items in named:
        yield from _repeated(place, what, (item.id for item in items))
    for index, sequence in enumerate(nurture.sequences):
        steps = ("nurture", "sequences", index, "steps")
        yield from _repeated(steps, "steps", (step.id for step in sequence.steps))
    yield from _repeated(("routing", "reps"), "mailboxes", (rep.email for rep in routing.reps), "email")


def _bands(policy: Policy) -> Iterator[Problem]:
    rules = policy.scoring.bands
    defined = [rule.band for rule in rules]
    yield from _repeated(("scoring", "bands"), "bands", defined, "band")
    if sorted(defined, key=BANDS.index) != defined:
        yield Problem(("scoring", "bands"), f"bands must be in the order {', '.join(BANDS)}: the first that holds wins")
    last = rules[-1]
    if last.total_at_least or last.fit_at_least or last.intent_at_least:
        place = ("scoring", "bands", len(rules) - 1)
        yield Problem(place, f"the last band, `{last.band}`, must take every lead: give it no thresholds")
    for index, promotion in enumerate(policy.scoring.promotions):
        yield from _named(("scoring", "promotions", index, "band"), "band", [promotion.band], defined)
    yield from _sla_bands(policy, defined)


def _sla_bands(policy: Policy, defined: Iterable[str]) -> Iterator[Problem]:
    covered = [sla.band for sla in policy.sla.bands]
    yield from _repeated(("sla", "bands"), "service levels", covered, "band")
    for index, band in enumerate(covered):
        yield from _named(("sla", "bands", index, "band"), "band", [band], defined)
    for missing in defined:
        if missing not in covered:
            yield Problem(("sla", "bands"), f"band `{missing}` has no service level")


def _people(policy: Policy) -> Iterator[Problem]:
    routing = policy.routing
    teams = [team.id for team in routing.teams]
    reps = [rep.id for rep in routing.reps]
    territories = [territory.id for territory in routing.territories]
    for index, territory in enumerate(routing.territories[:-1]):
        if territory.takes_all:
            message = f"territory `{territory.id}` has no conditions and takes every lead; it must be the last"
            yield Problem(("routing", "territories", index), message)
    for index, team in enumerate(routing.teams):
        yield from _named(("routing", "teams", index, "manager"), "rep", [team.manager] if team.manager else [], reps)
    for index, rep in enumerate(routing.reps):
        place = ("routing", "reps", index)
        yield from _named((*place, "team"), "team", [rep.team], teams)
        for position, covered in enumerate(rep.territories):
            yield from _named((*place, "territories", position), "territory", [covered], territories)


def _pools(policy: Policy) -> Iterator[Problem]:
    routing = policy.routing
    pools = {pool.id: pool for pool in routing.pools}
    reps = {rep.id: rep for rep in routing.reps}
    for index, pool in enumerate(routing.pools):
        place = ("routing", "pools", index)
        for position, member in enumerate(pool.members):
            yield from _named((*place, "members", position, "rep"), "rep", [member.rep], reps)
        yield from _repeated((*place, "members"), "members", (member.rep for member in pool.members), "rep")
        yield from _named((*place, "overflow"), "pool", [pool.overflow] if pool.overflow else [], pools)
        if _overflows_in_a_circle(pool.id, {name: each.overflow for name, each in pools.items()}):
            yield Problem((*place, "overflow"), f"pool `{pool.id}` overflows into itself")
    yield from _named(("routing", "fallback_pool"), "pool", [routing.fallback_pool], pools)
    fallback = pools.get(routing.fallback_pool)
    if fallback and not any(member.rep in reps and reps[member.rep].active for member in fallback.members):
        yield Problem(("routing", "fallback_pool"), f"nobody in the fallback pool `{fallback.id}` is active")
    if routing.recycling:
        yield from _named(("routing", "recycling", "pool"), "pool", [routing.recycling.pool], pools)


def _overflows_in_a_circle(start: str, overflow: dict[str, str | None]) -> bool:
    seen, current = {start}, overflow[start]
    while current is not None and current not in seen:
        seen.add(current)
        current = overflow.get(current)
    return current == start


def _rules(policy: Policy) -> Iterator[Problem]:
    routing = policy.routing
    skills = {skill for rep in routing.reps for skill in rep.skills}
    for index, rule in enumerate(routing.rules):
        place = ("routing", "rules", index)
        yield from _conditions(policy, (*place, "when"), rule.when.band, rule.when.territory)
        target, known = rule.then, (*place, "then")
        yield from _named((*known, "rep"), "rep", [target.rep] if target.rep else [], (r.id for r in routing.reps))
        yield from _named((*known, "pool"), "pool", [target.pool] if target.pool else [], (p.id for p in routing.pools))
        yield from _named((*known, "team"), "team", [target.team] if target.team else [], (t.id for t in routing.teams))
        for position, skill in enumerate(target.skills):
            yield from _named((*known, "skills", position), "rep with the skill", [skill], skills)
    for index, sla in enumerate(policy.sla.bands):
        for position, escalation in enumerate(sla.escalations):
            pool_place = ("sla", "bands", index, "escalations", position, "pool")
            wanted = [escalation.pool] if escalation.pool else []
            yield from _named(pool_place, "pool", wanted, (p.id for p in routing.pools))


def _conditions(policy: Policy, place: Place, bands: Iterable[str], territories: Iterable[str]) -> Iterator[Problem]:
    defined = [rule.band for rule in policy.scoring.bands]
    for position, band in enumerate(bands):
        yield from _named((*place, "band", position), "band", [band], defined)
    known = [territory.id for territory in policy.routing.territories]
    for position, territory in enumerate(territories):
        yield from _named((*place, "territory", position), "territory", [territory], known)


def _sequences(policy: Policy) -> Iterator[Problem]:
    templates = {template.id: template.channel for template in policy.nurture.templates}
    for index, sequence in enumerate(policy.nurture.sequences):
        place = ("nurture", "sequences", index)
        yield from _conditions(policy, (*place, "entry"), sequence.entry.band, sequence.entry.territory)
        for number, step in enumerate(sequence.steps):
            for position, touch in enumerate(step.touches):
                where = (*place, "steps", number, "touches", position, "template")
                yield from _named(where, "template", [touch.template], templates)
                channel = templates.get(touch.template, touch.channel)
                if channel != touch.channel:
                    message = f"template `{touch.template}` is for {channel}, but this touch is {touch.channel}"
                    yield Problem(where, message)
