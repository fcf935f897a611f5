"""Whatever is done to one key of a starter policy, loading it ends in a policy or in a PolicyError with a line."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policy import Policy
from policy.loading import PolicyError, parse_policy
from policy.yaml_source import read_yaml

ROOT = Path(__file__).parents[3]
FILES = ["policy.yaml", "policy/starters/solo-founder.yaml", "policy/starters/sales-team.yaml"]
FRAGMENTS = ["", " ", "\t", "\n", ":", "- ", "'", '"', "{", "]", "&a ", "*a", "!!x ", "|", "\x00", "\x85", "%"]
Place = tuple[str | int, ...]

slow_parse = settings(max_examples=40)


@cache
def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def plain(file: str) -> Any:
    """The file's content, anchors resolved."""
    return deepcopy(_content(file))


@cache
def _content(file: str) -> Any:
    return read_yaml(text_of(file)).value


@cache
def places_of(file: str) -> list[Place]:
    """Every key and list item of the file."""

    def walk(value: Any, place: Place) -> list[Place]:
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [found for key, child in children for found in ((*place, key), *walk(child, (*place, key)))]

    return [place for place in walk(plain(file), ()) if not str(place[0]).startswith("x-")]


def dumped(content: Any) -> str:
    """The content as text again: JSON is YAML, with one key or item a line."""
    return json.dumps(content, indent=1, ensure_ascii=False)


def parent_of(content: Any, place: Place) -> Any:
    for step in place[:-1]:
        content = content[step]
    return content


def loaded(text: str) -> Policy | PolicyError:
    """The policy, or the error, whose problems lie within the text."""
    try:
        return parse_policy(text)
    except PolicyError as error:
        refused = error
    lines = text.splitlines()
    assert refused.problems
    for problem in refused.problems:
        assert 1 <= problem.line <= max(len(lines), 1)
        assert problem.message
        assert problem.message in str(refused)
    return refused


@pytest.mark.parametrize("file", FILES)
def test_the_untouched_content_loads(file: str) -> None:
    assert parse_policy(dumped(plain(file))) == parse_policy(text_of(file))


@slow_parse
@given(data=st.data())
def test_one_key_deleted_gives_a_policy_or_a_problem_with_a_line(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(FILES))
    place = data.draw(st.sampled_from(places_of(file)))
    content = plain(file)
    del parent_of(content, place)[place[-1]]
    loaded(dumped(content))


@slow_parse
@given(data=st.data())
def test_one_key_misspelt_is_always_refused(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(FILES))
    place = data.draw(st.sampled_from([place for place in places_of(file) if isinstance(place[-1], str)]))
    letter = data.draw(st.integers(0, len(str(place[-1])) - 1))
    content = plain(file)
    parent = parent_of(content, place)
    name = str(place[-1])
    misspelt = name[:letter] + "zq" + name[letter + 1 :]
    if place[:-1] == ("nurture", "limits", "mailboxes"):
        return  # its keys are free: any address will do
    parent[misspelt] = parent.pop(name)
    text = dumped(content)
    refused = loaded(text)
    assert isinstance(refused, PolicyError)
    assert any(misspelt in text.splitlines()[problem.line - 1] for problem in refused.problems)


wrong_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({}), st.just([{}]),
    st.just({"a": [1]}), st.just([None]), st.sampled_from(["09:00", "1h", "hot", "GB", "maya", "\ud800", "{", "a@b.c"]),
)  # fmt: skip


@slow_parse
@given(data=st.data(), wrong=wrong_values)
def test_one_value_replaced_gives_a_policy_or_a_problem_with_a_line(data: st.DataObject, wrong: Any) -> None:
    file = data.draw(st.sampled_from(FILES))
    place = data.draw(st.sampled_from(places_of(file)))
    content = plain(file)
    parent_of(content, place)[place[-1]] = wrong
    policy = loaded(dumped(content))
    if isinstance(policy, Policy):
        assert Policy.model_validate(policy.to_json()) == policy


@slow_parse
@given(data=st.data())
def test_the_text_cut_or_marred_anywhere_gives_a_policy_or_a_problem_with_a_line(data: st.DataObject) -> None:
    text = text_of(data.draw(st.sampled_from(FILES)))
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.sampled_from([0, 1, 5, 50, 5_000]))
    inserted = data.draw(
        st.sampled_from(
            ["", " ", "\t", "\n", ":", "- ", "'", '"', "{", "]", "&a ", "*a", "!!x ", "|", "\x00", "\x85", "%"]
        )
    )
    loaded(text[:start] + inserted + text[start + length :])


@given(st.text())
@example('"\\U00110000"')
@example('"\\UFFFFFFFF"')
@example("%YAML 1.99999999999999\n---\n")
@example("&\n")
@example("? ")
@example("!<\n")
@example("!%\n")
@example("!a%FF b")
@example("0x: 1")
@example("-: 1")
@example("a: 0o9")
@example("a: 1__0")
@example("\ufeff")
@example("a: .inf")
def test_any_text_at_all_gives_a_policy_error(text: str) -> None:
    assert isinstance(loaded(text), PolicyError)
