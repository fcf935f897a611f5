"""The queries in docs/analysis.md give what the metrics service counts, from files that `export` has written."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pytest

from log.export.writers import writing
from schemas.base import Event
from schemas.topics import ASSIGNED, CAPTURED, ENRICHED, OUTCOMES, SCORED, TOUCHED, Topic
from services.metrics.domain.fold import fold
from services.metrics.domain.funnel import stages_reached
from services.metrics.domain.ledger import STAGES, Ledger
from tests.unit.log.exported_events import exported
from tests.unit.metrics import ledger_events as e

DOCS = (Path(__file__).parents[3] / "docs" / "analysis.md").read_text(encoding="utf-8")
TOPICS: tuple[Topic, ...] = (CAPTURED, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES)
LEADS = 120


def query(name: str) -> str:
    found = re.search(rf"```sql {name}\n(.*?)```", DOCS, flags=re.DOTALL)
    assert found, f"docs/analysis.md has no block `sql {name}`"
    return found[1]


def some_lead(number: int, luck: random.Random) -> list[Event]:
    """What happened to one lead, repeats and odd orders included."""
    lead, start = f"lead-{number}", number * 10.0
    mode = luck.choices(["live", "history", "shadow"], [8, 2, 1])[0]
    channels = luck.sample(["web_form", "chat", "csv_import"], 2)
    came = e.origin(f"{lead}-s0", start, channels[0])
    about = {"lead": lead, "mode": mode}
    events: list[Event] = [e.captured(start, f"{lead}-s0", channels[0], **about)]
    if luck.random() < 0.4:
        events.insert(luck.randrange(2), e.captured(start + 50, f"{lead}-s1", channels[1], **about))
    if luck.random() < 0.9:
        events.append(e.enriched(start + 1, came, **about))
        events.append(e.scored(start + 2, "hot", luck.choice(["mql", "nurture"]), came, **about))
    if luck.random() < 0.7:
        first = luck.random() < 0.5
        owner = e.assigned(start + 3, came=came, **about) if first else e.reassigned(start + 3, came=came, **about)
        events.append(owner)
        events.append(e.parked(start + 9, came, **about))
    for touch in range(luck.randrange(3)):
        status = luck.choice(["sent", "sent", "planned", "failed"])
        events.append(
            e.touch(start + 4 + touch, f"{lead}-t{touch}", status, human=luck.random() < 0.5, came=came, **about)
        )
    kinds = ("contacted", "meeting", "sql", "opportunity", "lost", "won", "returned", "paid")
    reached = [kind for kind in kinds if luck.random() < 0.25]
    events += [e.outcome(kind, start + luck.randrange(100, 900), **about) for kind in reached]
    return events + luck.sample(events, luck.randrange(3))


@pytest.fixture(scope="module")
def happened() -> list[Event]:
    luck = random.Random(20260302)
    return [event for number in range(LEADS) for event in some_lead(number, luck)]


@pytest.fixture
def files(happened: Sequence[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exports that the page asks for, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    for topic in TOPICS:
        events = exported(topic, *(event for event in happened if isinstance(event, topic.events)))
        path = tmp_path / "export" / f"{topic.name.removeprefix('leads.')}.parquet"
        with writing(path, "parquet", topic, personal=False) as writer:
            writer.write(events)


def counted(happened: Sequence[Event]) -> dict[str, Counter[str]]:
    """What the ledger says: channel → stage → leads."""
    ledgers: dict[str, Ledger | None] = {}
    for event in happened:
        before = ledgers.get(event.lead_id)
        ledgers[event.lead_id] = fold(before, event) or before
    counts: dict[str, Counter[str]] = {}
    for ledger in ledgers.values():
        for stage, channel, _ in stages_reached(ledger):
            counts.setdefault(channel, Counter())[stage] += 1
    return counts


def rows(sql: str) -> list[Mapping[str, object]]:
    with duckdb.connect() as connection:
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def test_the_funnel_query_gives_the_ledger_s_funnel(files: None, happened: Sequence[Event]) -> None:
    found = {str(row["channel"]): {stage: row[stage] for stage in STAGES} for row in rows(query("funnel"))}
    expected = {channel: {stage: stages[stage] for stage in STAGES} for channel, stages in counted(happened).items()}
    assert found == expected
    assert all(sum(counts[stage] for counts in expected.values()) for stage in STAGES), "the story leaves a stage out"


def test_the_files_hold_each_event_once_though_some_were_written_twice(files: None, happened: Sequence[Event]) -> None:
    ids = {event.id for event in happened if isinstance(event, CAPTURED.events)}
    [row] = rows("select count(*) as n, count(distinct id) as ids from 'export/captured.parquet'")
    assert row == {"n": len(ids), "ids": len(ids)}


def test_the_time_to_owner_query_gives_seconds(files: None) -> None:
    [row] = rows(query("time_to_owner"))
    assert (row["band"], row["median_seconds"], row["p99_seconds"]) == ("hot", 3.0, 3.0)


def test_the_page_names_only_columns_and_options_that_exist() -> None:
    from log.export.columns import columns_of
    from schemas.topics import TOPICS as ALL

    columns = {column.name for topic in ALL if topic.events for column in columns_of(topic)}
    assert set(re.findall(r"\bdata_[a-z]\w+", DOCS)) - columns == set()
