"""The ledger in a real Postgres: what a batch writes, and what the reports make of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import typer
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from cli.context import CommandFailed
from cli.reports import funnel as funnel_command
from cli.reports import sla as sla_command
from infra.partitioner import partition_of
from infra.postgres import connect, prepare_schema
from infra.settings import Settings
from runtime.stage import Change, Context
from schemas.base import Event, cause_of
from services.metrics.domain.ledger import STAGES, Ledger
from services.metrics.domain.reports import Span
from services.metrics.domain.tally import Tally
from services.metrics.gauges import refresh
from services.metrics.http.api import routes
from services.metrics.stage import MetricsStage
from services.metrics.store.counts import stage_counts
from services.metrics.store.reports import funnel, lead, sla
from services.metrics.telemetry import BusinessMetrics
from tests.unit.metrics import ledger_events as e

PARTITIONS = 12
TOKEN = SecretStr("a-token-of-the-test")
Connection = psycopg.AsyncConnection[Any]


class KilledError(Exception):
    """What a kill looks like from inside a transaction."""


class Service:
    """The stage with what the runtime does around it: state by lead, one transaction a batch."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.settings = settings
        self.connection = connection
        self.registry = CollectorRegistry()
        self.metrics = BusinessMetrics(self.registry)
        self.stage = MetricsStage(self.metrics, PARTITIONS)
        self.states: dict[str, Ledger | None] = {}

    async def batch(self, *events: Event) -> None:
        """Decides and commits."""
        async with self.connection.transaction():
            tally, changes = await self.decided(events)
            await self.stage.save(self.connection, tally, changes)
        self.stage.committed(tally, changes)

    async def decided(self, events: Sequence[Event]) -> tuple[Tally, dict[str, Change[Ledger]]]:
        tally = await self.stage.prepare(self.connection, events, None)  # type: ignore[arg-type]  # it reads no policy
        before = dict(self.states)
        for event in events:
            context = Context("metrics", cause_of(event), None, event.time, event.time, tally)  # type: ignore[arg-type]  # as above
            self.states[event.lead_id] = self.stage.decide(event, self.states.get(event.lead_id), context).state
        changes = {
            lead: Change(partition_of(lead.encode(), PARTITIONS), before.get(lead), after)
            for lead, after in self.states.items()
            if after is not before.get(lead)
        }
        return tally, changes

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Connection]:
        opened = await connect(self.settings, "metrics")
        async with opened:
            yield opened

    async def funnel(self, by: Any = "channel", **span: Any) -> dict[str, Any]:
        return await funnel(self.connection, by, Span(**span))


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    prepare_schema(settings, "metrics")
    async with await connect(settings, "metrics") as connection:
        yield Service(settings, connection)


def counts(part: dict[str, Any]) -> dict[str, int]:
    """Stage → leads, without the stages that nobody reached."""
    return {row["stage"]: row["leads"] for row in part["stages"] if row["leads"]}


def story(name: str, channel: str = "web_form", band: str = "hot", rep: str = "kim", start: float = 0) -> list[Event]:
    came = e.origin(f"{name}-s1", start, channel)
    return [
        e.captured(start, f"{name}-s1", channel, lead=name),
        e.enriched(start + 0.1, came, lead=name),
        e.scored(start + 0.2, band, came=came, lead=name),
        e.assigned(start + 0.3, rep, came=came, band=band, lead=name),
        e.met("owned", start + 0.3, came, rep=rep, band=band, lead=name),
    ]


async def test_the_funnel_counts_each_lead_once_per_stage_and_by_what_is_asked(service: Service) -> None:
    await service.batch(*story("a"), *story("b", "chat", "warm", "lee"))
    await service.batch(*story("c"), e.outcome("meeting", 50, lead="a"), e.outcome("won", 60, "1000", lead="a"))
    await service.batch(e.outcome("lost", 70, lead="c"), e.captured(80, "late", "chat", lead="d"))
    report = await service.funnel("channel")
    assert counts(report["total"]) == {
        "captured": 4, "enriched": 3, "scored": 3, "mql": 3, "assigned": 3, "contacted": 1,
        "meeting": 1, "won": 1, "lost": 1,
    }  # fmt: skip
    groups = {group["key"]: group for group in report["groups"]}
    assert counts(groups["web_form"]) == {
        "captured": 2, "enriched": 2, "scored": 2, "mql": 2, "assigned": 2, "contacted": 1,
        "meeting": 1, "won": 1, "lost": 1,
    }  # fmt: skip
    assert groups["web_form"]["won_value"] == {"EUR": 1000.0}
    assert groups["chat"]["won_value"] == {}
    by_rep = await service.funnel("rep")
    assert {group["key"]: group["stages"][0]["leads"] for group in by_rep["groups"]} == {
        "kim": 2,
        "lee": 1,
        "(none)": 1,
    }


async def test_conversion_is_of_the_captured_and_of_the_stage_before(service: Service) -> None:
    await service.batch(*story("a"), *story("b"), e.captured(0, "c", lead="c"), e.captured(0, "d", lead="d"))
    rows = {row["stage"]: row for row in (await service.funnel())["total"]["stages"]}
    assert (rows["captured"]["of_captured"], rows["captured"]["of_previous"]) == (1.0, None)
    assert (rows["enriched"]["of_captured"], rows["enriched"]["of_previous"]) == (0.5, 0.5)
    assert (rows["scored"]["of_captured"], rows["scored"]["of_previous"]) == (0.5, 1.0)
    assert rows["meeting"]["of_previous"] is None


async def test_a_cohort_is_cut_by_when_the_lead_was_captured(service: Service) -> None:
    await service.batch(*story("a", start=0), *story("b", start=100), *story("c", start=200))
    report = await service.funnel(start=e.at(100), end=e.at(200))
    assert counts(report["total"])["captured"] == 1


async def test_values_in_two_currencies_are_never_added_up(service: Service) -> None:
    await service.batch(*story("a"), *story("b"), *story("c"))
    await service.batch(
        e.outcome("won", 60, "1000", lead="a"),
        e.outcome("won", 60, "500.25", lead="b"),
        e.outcome("won", 60, "70", "USD", lead="c"),
    )
    assert (await service.funnel())["total"]["won_value"] == {"EUR": 1500.25, "USD": 70.0}


async def test_shadow_leads_are_left_out_and_can_be_asked_for(service: Service) -> None:
    await service.batch(e.captured(lead="a"), e.captured(lead="b", mode="shadow"), e.captured(lead="c", mode="history"))
    assert counts((await service.funnel())["total"])["captured"] == 2
    assert counts((await service.funnel(modes=("shadow",)))["total"])["captured"] == 1


async def test_sla_counts_and_times_are_per_kind_and_group(service: Service) -> None:
    await service.batch(*story("a"), *story("b"), *story("c", band="warm"), *story("d"))
    await service.batch(
        e.met("contacted", 100, e.origin("a-s1"), lead="a"),
        e.touch(100, human=True, lead="a"),
        e.breached("contacted", 300, e.origin("b-s1"), lead="b"),
        e.touch(900, human=True, lead="b"),
    )
    report = await sla(service.connection, "band", Span())
    rows = {(row["sla"], row["key"]): row for row in report["rows"]}
    hot = rows["contacted", "hot"]
    assert (hot["met"], hot["breached"], hot["open"], hot["kept"]) == (1, 1, 1, 0.5)
    assert hot["median_seconds"] == pytest.approx(500)
    assert hot["p90_seconds"] == pytest.approx(820)
    assert (rows["contacted", "warm"]["open"], rows["contacted", "warm"]["kept"]) == (1, None)
    assert rows["owned", "hot"]["met"] == 3
    assert rows["owned", "hot"]["median_seconds"] == pytest.approx(0.3)


async def test_a_correction_replaces_the_breach_in_the_report(service: Service) -> None:
    came = e.origin("a-s1")
    await service.batch(*story("a"), e.breached("contacted", 300, came, lead="a"))
    await service.batch(e.met("contacted", 200, came, lead="a"))
    rows = (await sla(service.connection, "rep", Span()))["rows"]
    contacted = next(row for row in rows if row["sla"] == "contacted")
    assert (contacted["key"], contacted["met"], contacted["breached"]) == ("kim", 1, 0)


async def test_a_parked_lead_s_clocks_are_neither_open_nor_broken(service: Service) -> None:
    await service.batch(*story("a"), e.parked(90, e.origin("a-s1"), lead="a"))
    rows = (await sla(service.connection, "band", Span()))["rows"]
    assert [row["sla"] for row in rows] == ["owned"]


async def test_erasing_a_lead_removes_every_row_of_it(service: Service) -> None:
    await service.batch(*story("a"), *story("b"))
    async with service.connection.transaction():
        gone = {"a": Change(partition_of(b"a", PARTITIONS), service.states["a"], None)}
        await service.stage.save(service.connection, Tally(), gone)
    assert await lead(service.connection, "a") is None
    assert (await (await service.connection.execute("select count(*) from sla_clocks")).fetchone()) == (2,)
    assert counts((await service.funnel())["total"])["captured"] == 1
    stages = Counter({stage: n for stage, _, _, n in await stage_counts(service.connection, range(PARTITIONS))})
    assert stages["captured"] == 1


async def test_stage_counts_agree_with_the_ledger_after_many_batches(service: Service) -> None:
    for number in range(30):
        name, channel = f"lead{number}", ("web_form", "chat", "phone")[number % 3]
        came = e.origin(f"{name}-s1", number, channel)
        await service.batch(*story(name, channel, ("hot", "warm", "cold")[number % 3], start=number))
        await service.batch(
            e.scored(number + 9, "cool", "nurture", came, lead=name),
            e.outcome("lost", number + 10, lead=name),
            *([e.outcome("won", number + 20, lead=name)] if number % 5 == 0 else []),
        )
    totals: Counter[str] = Counter()
    for stage, _, _, leads in await stage_counts(service.connection, range(PARTITIONS)):
        totals[stage] += leads
    assert dict(totals) == counts((await service.funnel())["total"])


async def test_gauges_show_only_the_partitions_that_are_owned(service: Service) -> None:
    await service.batch(*story("a"), *story("b"), *story("c"))
    home = partition_of(b"a", PARTITIONS)
    await refresh(service.metrics, service.connections, [home])
    shown = service.registry.get_sample_value(
        "leadstream_funnel_leads", {"stage": "captured", "channel": "web_form", "band": "hot"}
    )
    assert shown == sum(partition_of(name, PARTITIONS) == home for name in (b"a", b"b", b"c"))


async def test_rejections_and_dead_letters_are_counted_by_reason_and_day(service: Service) -> None:
    await service.batch(e.rejected(1), e.rejected(1, reason="bad_csv"), e.dead())
    await service.batch(e.rejected(1), e.rejected(100_000))
    rejected = await service.connection.execute(
        "select day::text, reason, sum(count)::int from rejections group by 1, 2 order by 1, 2"
    )
    assert await rejected.fetchall() == [
        ("2026-03-02", "bad_csv", 1),
        ("2026-03-02", "no_contact", 2),
        ("2026-03-03", "no_contact", 1),
    ]
    dead = await service.connection.execute("select service, step, reason, count from dead_letters")
    assert await dead.fetchall() == [("score", "decode", "malformed", 1)]


async def test_a_batch_that_is_rolled_back_leaves_nothing(service: Service) -> None:
    async def killed_before_the_commit() -> None:
        async with service.connection.transaction():
            await service.stage.save(service.connection, *(await service.decided([*story("a"), e.rejected()])))
            raise KilledError

    with pytest.raises(KilledError):
        await killed_before_the_commit()
    assert (await service.funnel())["groups"] == []
    assert await stage_counts(service.connection, range(PARTITIONS)) == []


async def test_the_api_answers_from_the_ledger(service: Service) -> None:
    await service.batch(*story("a"), e.outcome("won", 60, "1000", lead="a"))
    app = web.Application()
    app.add_routes(routes(service.connections, TOKEN))
    headers = {"Authorization": f"bearer {TOKEN.get_secret_value()}"}
    async with TestClient(TestServer(app), headers=headers) as http:
        report = await (await http.get("/v1/funnel", params={"by": "team", "from": "2026-03-01"})).json()
        assert (report["by"], report["from"], report["to"]) == ("team", "2026-03-01T00:00:00Z", None)
        assert [row["stage"] for row in report["total"]["stages"]] == list(STAGES)
        assert report["groups"][0]["key"] == "emea"
        deadlines = await (await http.get("/v1/sla?by=rep")).json()
        assert {(row["sla"], row["key"], row["met"]) for row in deadlines["rows"]} == {
            ("owned", "kim", 1),
            ("contacted", "kim", 0),
        }
        row = await (await http.get("/v1/leads/a")).json()
        assert (row["lead_id"], row["won_at"], row["value"]) == ("a", "2026-03-02T09:01:00Z", "1000")
        assert [(clock["sla"], clock["status"]) for clock in row["clocks"]] == [("contacted", "open"), ("owned", "met")]
        assert (await http.get("/v1/leads/nobody")).status == 404


async def test_the_service_reads_its_own_schema_as_its_own_role(service: Service) -> None:
    row = await (await service.connection.execute("select current_user, current_schema()")).fetchone()
    assert row == ("leadstream_metrics", "metrics")


async def test_the_commands_show_what_the_service_counts(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await service.batch(*story("a"), e.outcome("won", 60, "1000", lead="a"))
    commands = typer.Typer()
    commands.command()(funnel_command)
    commands.command()(sla_command)
    app = web.Application()
    app.add_routes(routes(service.connections, TOKEN))

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, commands, arguments)

    async with TestServer(app) as server:
        monkeypatch.setenv("LEADSTREAM_DATA", str(tmp_path))
        monkeypatch.setenv("LEADSTREAM_METRICS_URL", str(server.make_url("")))
        monkeypatch.setenv("LEADSTREAM_ADMIN_TOKEN", TOKEN.get_secret_value())
        shown = orjson.loads((await run("funnel", "--by", "team", "--from", "2026-03-01", "--json")).stdout)
        assert (shown["groups"][0]["key"], counts(shown["total"])["won"]) == ("emea", 1)
        assert "web_form" in (await run("funnel")).stdout
        assert "owned" in (await run("sla", "--by", "rep", "--to", "2027-01-01")).stdout
        monkeypatch.setenv("LEADSTREAM_ADMIN_TOKEN", "wrong")
        refused = await run("sla")
        assert isinstance(refused.exception, CommandFailed)
        assert "LEADSTREAM_ADMIN_TOKEN" in str(refused.exception)
