"""The policies that ship: valid, whole, and the same after a journey over the topic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from policy import BANDS, Policy
from policy.loading import load_policy

ROOT = Path(__file__).parents[3]
STARTERS = [ROOT / "policy.yaml", ROOT / "policy/starters/solo-founder.yaml", ROOT / "policy/starters/sales-team.yaml"]


@pytest.fixture(params=STARTERS, ids=lambda path: path.stem)
def starter(request: pytest.FixtureRequest) -> Policy:
    return load_policy(request.param)


def test_the_published_json_gives_the_same_policy_again(starter: Policy) -> None:
    published = orjson.dumps(starter.to_json())
    received = Policy.model_validate(orjson.loads(published))
    assert received == starter
    assert received.content_hash() == starter.content_hash()
    assert orjson.dumps(received.to_json()) == published
    assert Policy.model_validate_json(published) == starter


def test_every_starter_keeps_the_promised_speed_for_hot_and_warm_leads(starter: Policy) -> None:
    for band, owned, contacted in (("hot", 60, 300), ("warm", 900, 1_800)):
        sla = next(each for each in starter.sla.bands if each.band == band)
        assert sla.owned_within.total_seconds() == owned
        assert sla.contacted_within.total_seconds() == contacted


def test_somebody_works_in_every_pool(starter: Policy) -> None:
    for pool in starter.routing.pools:
        assert any(starter.routing.rep(member.rep).active for member in pool.members)


def test_every_rep_can_be_reached_by_some_rule_or_pool(starter: Policy) -> None:
    routing = starter.routing
    reached = {member.rep for pool in routing.pools for member in pool.members}
    reached |= {rule.then.rep for rule in routing.rules if rule.then.rep}
    teams = {rule.then.team for rule in routing.rules if rule.then.team}
    reached |= {rep.id for rep in routing.reps if rep.team in teams}
    assert {rep.id for rep in routing.reps} <= reached


def test_every_template_is_used(starter: Policy) -> None:
    used = {
        touch.template for sequence in starter.nurture.sequences for step in sequence.steps for touch in step.touches
    }
    assert {template.id for template in starter.nurture.templates} == used


def test_every_email_tells_who_sends_it_and_how_to_end_it(starter: Policy) -> None:
    for template in starter.nurture.templates:
        if template.channel == "email":
            assert "{unsubscribe_link}" in template.body, template.id
            assert "{sender_address}" in template.body, template.id


def test_the_sales_team_is_twenty_people_in_their_roles() -> None:
    routing = load_policy(ROOT / "policy/starters/sales-team.yaml").routing
    roles = Counter(rep.role for rep in routing.reps)
    assert roles == {"sdr": 8, "account_executive": 7, "manager": 5}
    assert all(team.manager for team in routing.teams)
    assert len(routing.territories) >= 8


def test_the_solo_founder_works_alone_without_escalating_to_anybody() -> None:
    policy = load_policy(ROOT / "policy/starters/solo-founder.yaml")
    assert len(policy.routing.reps) == 1
    actions = {step.action for sla in policy.sla.bands for step in sla.escalations}
    assert actions == {"remind_owner"}


def test_the_default_policy_defines_all_four_bands() -> None:
    policy = load_policy(ROOT / "policy.yaml")
    assert tuple(rule.band for rule in policy.scoring.bands) == BANDS


def test_a_policy_without_a_version_is_named_by_its_content() -> None:
    policy = load_policy(ROOT / "policy.yaml")
    unnamed = Policy.model_validate(policy.to_json() | {"version": ""})
    assert unnamed.version == unnamed.content_hash()[:12]
    assert Policy.model_validate(unnamed.to_json()) == unnamed


def test_the_content_hash_ignores_name_and_date_and_nothing_else() -> None:
    policy = load_policy(ROOT / "policy.yaml").to_json()
    original = Policy.model_validate(policy).content_hash()
    renamed = policy | {"version": "other", "effective_at": "2026-09-01T00:00:00Z"}
    assert Policy.model_validate(renamed).content_hash() == original
    slower = orjson.loads(orjson.dumps(policy))
    slower["sla"]["bands"][0]["contacted_within"] = "6m"
    assert Policy.model_validate(slower).content_hash() != original
