"""Which policy is in force, and what changes from one to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cli.policy import as_yaml
from log.policies import PublishedPolicy, in_force
from policy import Policy
from policy.diff import Change, compare, difference, said
from policy.loading import load_policy, parse_policy
from policy.versions import PolicyBook
from tests.support import story

POLICY = load_policy(Path("policy.yaml"))
SALES_TEAM = load_policy(Path("policy/starters/sales-team.yaml"))


def published(version: str, seconds: float, policy: Policy | None = POLICY) -> PublishedPolicy:
    return PublishedPolicy(story.published(version, seconds=seconds), policy)


# -- in force ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(-1, 6))
def test_the_policy_in_force_is_the_one_that_services_use(moments: list[int], now: int) -> None:
    """`PolicyBook` decides; what we show must be what it does."""
    policies = [POLICY.model_copy(update={"version": f"v{number}"}) for number in range(len(moments))]
    book = PolicyBook()
    for policy, moment in zip(policies, moments, strict=True):
        book.add(story.at(moment), policy)
    everything = [published(policy.version, at, policy) for policy, at in zip(policies, moments, strict=True)]
    found = in_force(everything, story.at(now))
    assert (found.version if found else None) == (book.at(story.at(now)).version if moments else None)


def test_a_policy_that_this_release_cannot_read_is_never_in_force() -> None:
    assert in_force([published("broken", 1, None)], story.at(2)) is None
    good = published("good", 0)
    assert in_force([good, published("broken", 1, None)], story.at(2)) is good


# -- changes -----------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def without_nothing(value: Any) -> Any:
    """A key that is null and a key that is not there mean the same in a policy."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if without_nothing(each) not in (None, {})}
    return value


@given(JSON)
def test_nothing_changes_from_a_value_to_itself(value: Any) -> None:
    assert list(compare(value, value)) == []


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_values_that_differ_have_a_change_and_it_can_be_told(old: dict[str, Any], new: dict[str, Any]) -> None:
    changes = list(compare(old, new))
    assert bool(changes) or without_nothing(old) == without_nothing(new)
    assert all(str(change)[:2] in ("+ ", "- ", "~ ") for change in changes)


def edited(text: str, old: str, new: str) -> Policy:
    assert old in text
    return parse_policy(text.replace(old, new, 1))


def test_a_change_is_told_where_it_stands_in_the_file() -> None:
    text = Path("policy.yaml").read_text(encoding="utf-8")
    changed = edited(text, "reason: Can decide on a purchase", "reason: Decides")
    assert difference(POLICY, changed) == [
        Change("scoring.fit.rules[decision-maker].reason", "Can decide on a purchase", "Decides")
    ]
    assert str(difference(POLICY, changed)[0]) == (
        "~ scoring.fit.rules[decision-maker].reason: Can decide on a purchase → Decides"
    )


def test_the_name_of_a_policy_is_no_change() -> None:
    text = Path("policy.yaml").read_text(encoding="utf-8")
    assert difference(POLICY, edited(text, "version: default-1", "version: default-2")) == []


def test_what_is_new_or_gone_as_a_whole_is_one_change() -> None:
    old = [{"id": "a", "points": 1}, {"id": "b", "points": 2}]
    new = [{"id": "b", "points": 2}, {"id": "c", "points": 3, "when": {"country": ["GB"], "region": []}}]
    assert list(map(str, compare(old, new, "rules"))) == [
        "+ rules[c]: {id: c, points: 3, when: {country: [GB]}}",
        "- rules[a]: {id: a, points: 1}",
    ]


def test_another_order_of_rules_is_a_change_because_the_first_that_fits_decides() -> None:
    a, b, c = ({"id": name} for name in "abc")
    assert [change.key for change in compare([a, b], [b, a], "rules")] == ["rules (order)"]
    assert [change.key for change in compare([a, b], [c, a, b], "rules")] == ["rules (order)", "rules[c]"]
    assert [change.key for change in compare([a, b], [a, b, c], "rules")] == ["rules[c]"]


def test_long_values_are_cut_and_stay_on_a_line() -> None:
    told = str(Change("templates[hello].body", None, "Hi there,\n\n" + "word " * 100))
    assert "\n" not in told
    assert told.endswith("…")
    assert len(told) < 150


def test_between_two_real_policies_every_change_can_be_told() -> None:
    changes = difference(POLICY, SALES_TEAM)
    assert "+ routing.reps[omar]" in "\n".join(map(str, changes))
    assert len({change.key for change in changes}) == len(changes)
    assert difference(None, POLICY) == []


def test_values_are_written_as_in_a_policy() -> None:
    assert said({"a": True, "b": [1, "x"], "c": None, "d": {}}) == "{a: true, b: [1, x]}"


def test_a_policy_that_is_shown_can_be_published_again() -> None:
    for policy in (POLICY, SALES_TEAM):
        assert parse_policy(as_yaml(policy.to_json())) == policy
