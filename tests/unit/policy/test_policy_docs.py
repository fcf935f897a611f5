"""What docs/policy.md shows is what the product says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policy import PLACEHOLDERS, RoutingConditions
from policy.loading import PolicyError, parse_policy

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
TEXT = (ROOT / "policy.yaml").read_text(encoding="utf-8")

WRONG_VALUES = [
    ("match_on_phone: true", "match_on_fone: true"),
    ("base: 10", "base: ten"),
    ("forget_after: 90d", "forget_after: 90"),
    ("[founder, c_level, vp]", "[founder, clevel, vp]"),
    ("band: warm\n      owned_within: 15m", "band: warm\n      owned_within: 15m\n      owned_within: 10m"),
]
WRONG_REFERENCES = [("{pool: americans}", "{pool: american}"), ("tom@example.com", "maya@example.com")]


def without_line_numbers(report: str) -> str:
    """The report; lines of policy.yaml may move without the documentation being wrong."""
    report = re.sub(r"(policy\.yaml:)\d+", r"\1N", report)
    return re.sub(r"(?m)^ *\d+ \||on line \d+", "N", report)


@pytest.mark.parametrize("mistakes", [WRONG_VALUES, WRONG_REFERENCES], ids=["values", "references"])
def test_the_report_in_the_documentation_is_real(mistakes: list[tuple[str, str]]) -> None:
    text = TEXT
    for right, wrong in mistakes:
        assert right in text
        text = text.replace(right, wrong, 1)
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "policy.yaml")
    assert without_line_numbers(str(caught.value)) in without_line_numbers(DOCS)


def test_every_condition_and_placeholder_is_documented() -> None:
    for name in (*RoutingConditions.model_fields, *PLACEHOLDERS):
        assert f"`{name}`" in DOCS, name
