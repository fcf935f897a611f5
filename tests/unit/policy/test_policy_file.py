"""A broken policy file: every problem at once, at its line and key, with what was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policy.loading import PolicyError, PolicyProblem, load_policy, parse_policy

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "policy.yaml").read_text(encoding="utf-8")


def problems_of(text: str) -> tuple[PolicyProblem, ...]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "policy.yaml")
    error = caught.value
    assert error.problems
    last_line = max(len(text.splitlines()), 1)
    for problem in error.problems:
        assert 1 <= problem.line <= last_line, problem
        assert problem.column >= 1
        assert problem.message in str(error)
    return error.problems


def line_of(text: str, fragment: str) -> int:
    assert text.count(fragment) == 1, f"{fragment!r} must be in the text exactly once"
    return text[: text.index(fragment)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong", "fragment"),
    [
        ("base: 10", "base: ten", "base: ten"),
        ("keep_owner: true", "keep_ownr: true", "keep_ownr"),
        ("then: {pool: americans}", "then: {pool: american}", "{pool: american}"),
        ("seniority: [founder, c_level, vp]", "seniority: [founder, clevel]", "clevel"),
        ("{mon-fri: 09:00-18:00}", "{mon-fri: 09:00-1800}", "09:00-1800"),
        ("template: hot-sms", "template: hot-text", "hot-text"),
        ("  match_on_phone: true", "\tmatch_on_phone: true", "\tmatch_on_phone"),
    ],
)
def test_the_line_is_exactly_where_the_mistake_is(right: str, wrong: str, fragment: str) -> None:
    text = TEXT.replace(right, wrong, 1)
    assert [problem.line for problem in problems_of(text)] == [line_of(text, fragment)]


def test_the_column_points_at_the_wrong_value() -> None:
    text = TEXT.replace("then: {pool: americans}", "then: {pool: american}", 1)
    (problem,) = problems_of(text)
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :][: problem.width] == "american"


def test_all_mistakes_are_reported_at_once_and_in_order() -> None:
    text = TEXT
    for right, wrong in (
        ("match_on_email: true", "match_on_emial: true"),
        ("base: 10", "base: ten"),
        ("forget_after: 90d", "forget_after: soon"),
        ("role: manager", "role: boss"),
        ("sms_per_day: 100", "sms_per_day: 0"),
        ("  expires_after: 730d", "  expires_after: 730d\n  expires_after: 1d"),
    ):
        text = text.replace(right, wrong, 1)
    problems = problems_of(text)
    assert [problem.key.rsplit(".", 1)[-1] for problem in problems] == [
        "match_on_emial", "base", "forget_after", "role", "sms_per_day", "expires_after",
    ]  # fmt: skip
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_a_misspelt_required_key_is_one_problem_not_two() -> None:
    (problem,) = problems_of(TEXT.replace("  fallback_pool:", "  fallback_pol:", 1))
    assert problem.hint == "did you mean `fallback_pool`?"


def test_all_broken_references_are_reported_at_once() -> None:
    text = TEXT.replace("manager: maya", "manager: mya", 1).replace("{pool: europeans}", "{pool: eu}", 1)
    assert [problem.key for problem in problems_of(text)] == [
        "routing.teams[sales].manager",
        "routing.rules[europe].then.pool",
    ]


def test_the_report_shows_the_line_and_underlines_the_mistake() -> None:
    text = TEXT.replace("manager: maya", "manager: mya", 1)
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "policy.yaml")
    number = line_of(text, "manager: mya")
    assert str(caught.value) == (
        "policy.yaml: 1 problem\n\n"
        f"policy.yaml:{number}:16: routing.teams[sales].manager\n"
        f"{number:>6} |       manager: mya\n"
        f"{'':>6} |                ^^^\n"
        "  there is no rep `mya`\n"
        "  did you mean `maya`?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("just text", "a policy is a mapping"),
        ("- a\n- b", "a policy is a mapping"),
        ("null", "a policy is a mapping"),
        ("a: b\n---\nc: d", "single document"),
        ("[" * 1_500, "nested too deeply"),
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: *a}", "contains itself"),
        ("? [a, b]\n: c", "a key must be plain text"),
        ("a: \x01", "character that YAML forbids"),
        ("<<: 5", "merges mappings only"),
        ("x" * 2_000_001, "is longer than"),
        ("a: {b: 1", "not YAML"),
        ("1: 2\ntrue: 3\nnull: 4", "unknown key"),
        ("%YAML 1.9\n---\na: 1", "directives"),
        ("# note\n%YAML 1.1\n---\na: 1", "directives"),
        ('a: "\\UFFFFFFFF"', "beyond the last character"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_not_a_policy_at_all_is_reported_too(text: str, message: str) -> None:
    assert any(message in problem.message for problem in problems_of(text))


def test_aliases_that_multiply_are_stopped() -> None:
    levels = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    levels += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert any("aliases multiplying" in problem.message for problem in problems_of("\n".join(levels)))


def test_anchors_and_merges_give_what_they_stand_for() -> None:
    merged = TEXT.replace(
        "      working_hours: {mon-fri: 09:00-18:00}\n      holidays: [2026-11-26]\n      capacity_per_day: 40\n",
        "      <<: *nights\n      holidays: [2026-11-26]\n",
        1,
    ).replace(
        "x-office-hours:",
        "x-nights: &nights {working_hours: {mon: 22:00-24:00}, capacity_per_day: 7, holidays: []}\nx-office-hours:",
        1,
    )
    rep = parse_policy(merged).routing.rep("diego")
    assert rep.capacity_per_day == 7
    assert rep.working_hours is not None
    assert rep.working_hours.mon[0].start == 22 * 60
    assert [str(off.first) for off in rep.holidays] == ["2026-11-26"]


def test_a_mistake_in_an_anchor_is_reported_where_it_is_written() -> None:
    text = TEXT.replace("{mon-thu: 09:00-17:30, fri: 09:00-17:00}", "{mon-thu: 09:00-17:30, fri: nine}", 1)
    problems = problems_of(text)
    assert {problem.line for problem in problems} == {line_of(text, "fri: nine")}


def test_norway_is_a_country_and_nine_o_clock_is_not_a_number() -> None:
    policy = parse_policy(TEXT.replace('"NO", PL', "NO, PL", 1))
    europe = next(each for each in policy.routing.territories if each.id == "europe")
    assert "NO" in europe.countries


def test_a_file_that_can_not_be_read_is_a_policy_error(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(PolicyError, match="can't be read"):
            load_policy(path)


def test_bytes_that_are_not_utf_8_are_reported_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"version: a\n# caf\xe9\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (2, 6)
    assert "UTF-8" in problem.message


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_policy(path) == parse_policy(TEXT)


def test_every_rendered_problem_can_be_clicked_in_a_terminal() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(TEXT.replace("base: 10", "base: ten").replace("role: manager", "role: boss"), "policies/x.yaml")
    assert len(re.findall(r"^policies/x\.yaml:\d+:\d+: ", str(caught.value), re.MULTILINE)) == 2
