"""`leadstream funnel` and `leadstream sla` as people and scripts see them."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from cli.context import Answer, CommandFailed
from cli.reports import STAGES, checked, funnel_groups, funnel_total, percent, query_of, sla_table
from services.metrics.domain.ledger import STAGES as LEDGER_STAGES
from services.metrics.domain.reports import FUNNEL_BY, SLA_BY
from tests.unit.metrics import ledger_events as e


def stages(captured: int, won: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "stage": stage,
            "leads": captured if stage == "captured" else won,
            "of_captured": 1.0 if stage == "captured" else won / captured,
            "of_previous": None if stage == "captured" else 0.5,
        }
        for stage in LEDGER_STAGES
    ]


FUNNEL: dict[str, Any] = {
    "by": "channel",
    "from": "2026-03-01T00:00:00Z",
    "to": None,
    "total": {"stages": stages(1200, 30), "won_value": {"EUR": 1500.25}},
    "groups": [
        {"key": "web_form", "stages": stages(1000, 20), "won_value": {"EUR": 1000.0}},
        {"key": "[red]list", "stages": stages(200, 10), "won_value": {}},
    ],
}
SLA: dict[str, Any] = {
    "by": "band",
    "from": None,
    "to": None,
    "rows": [
        {
            "sla": "owned", "key": "hot", "met": 99, "breached": 1, "open": 0, "kept": 0.99,
            "median_seconds": 0.2, "p90_seconds": 65.0,
        },
        {
            "sla": "contacted", "key": "warm", "met": 0, "breached": 0, "open": 4, "kept": None,
            "median_seconds": None, "p90_seconds": None,
        },
    ],
}  # fmt: skip


def printed(table: Table) -> str:
    console = Console(width=200, record=True, file=None, force_terminal=False, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_funnel_shows_every_stage_with_its_shares() -> None:
    text = printed(funnel_total(FUNNEL))
    assert all(name in text for name in STAGES.values())
    assert "1,200" in text
    assert "100.0%" in text
    assert "2.5%" in text
    assert "from 2026-03-01" in text
    assert "1,500.25 EUR" in text


def test_a_group_s_name_is_shown_as_it_is_even_with_brackets() -> None:
    text = printed(funnel_groups(FUNNEL))
    assert "[red]list" in text
    assert "web_form" in text
    assert "1,000 EUR" in text


def test_the_sla_table_shows_shares_counts_and_times() -> None:
    text = printed(sla_table(SLA))
    owned = next(line for line in text.splitlines() if "owned" in line)
    assert [word in owned for word in ("99.0%", "200 ms", "1 min 5 s")] == [True] * 3
    assert "contacted" in text


def test_what_is_unknown_is_left_empty() -> None:
    assert percent(None) == ""
    assert "None" not in printed(sla_table(SLA))


def test_every_stage_of_the_ledger_has_a_name() -> None:
    assert tuple(STAGES) == LEDGER_STAGES


def test_the_commands_offer_what_the_api_can_group_by() -> None:
    import typing

    from cli import reports

    assert typing.get_args(reports.FunnelBy) == FUNNEL_BY
    assert typing.get_args(reports.SlaBy) == SLA_BY


def test_spans_are_sent_as_moments_with_their_zone() -> None:
    assert query_of("rep", "1d", None, "live", e.START) == {
        "by": "rep",
        "from": "2026-03-01T09:00:00+00:00",
        "mode": "live",
    }


def test_a_moment_that_can_not_be_read_is_named() -> None:
    with pytest.raises(CommandFailed, match="--to: "):
        query_of("rep", None, "tomorrowish", None, e.START)


def test_a_refusal_says_what_the_service_says() -> None:
    with pytest.raises(CommandFailed, match="Token needed: Send"):
        checked(Answer(401, {"title": "Token needed", "detail": "Send `Authorization`"}))


def test_somebody_else_s_answer_is_not_taken_for_a_report() -> None:
    with pytest.raises(CommandFailed, match="LEADSTREAM_METRICS_URL"):
        checked(Answer(200, "<html>"))
