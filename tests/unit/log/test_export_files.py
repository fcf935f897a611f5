"""What stands in the files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.context import CommandFailed
from cli.export import job_of, summary
from log.export.columns import MOMENT, Exported, arrow_schema, columns_of
from log.export.formats import FORMATS, Format
from log.export.writers import FORMULA_STARTS, cell, writing
from schemas.events import LeadCaptured, Person
from schemas.topics import ASSIGNED, CAPTURED, DEAD, OUTCOMES, REJECTED, TOPICS, Topic
from tests.unit.log.exported_events import exported
from tests.unit.metrics import ledger_events as e

ENVELOPE = [
    "topic", "partition", "offset", "written_at", "id", "source", "type", "lead_id", "time", "mode", "policy",
    "traceparent", "data",
]  # fmt: skip
EXPORTABLE = [topic for topic in TOPICS if topic.events]


def written(path: Path, kind: Format, topic: Topic, events: list[Exported], *, personal: bool = True) -> Path:
    with writing(path, kind, topic, personal=personal) as writer:
        writer.write(events[:1])
        writer.write([])
        writer.write(events[1:])
    return path


def hostile(name: str) -> LeadCaptured:
    event = e.captured()
    return event.replace(data=event.data.replace(person=Person(name=name)))


def rows_of_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_json_lines_are_the_events_as_they_were_written(tmp_path: Path) -> None:
    events = [e.captured(0), e.captured(1, "s2")]
    path = written(tmp_path / "out.jsonl", "jsonl", CAPTURED, exported(CAPTURED, *events))
    assert [orjson.loads(line) for line in path.read_bytes().splitlines()] == [
        orjson.loads(x.to_json()) for x in events
    ]


def test_parquet_has_the_envelope_the_data_and_its_scalars(tmp_path: Path) -> None:
    event = e.captured(0.5)
    table = pq.read_table(written(tmp_path / "out.parquet", "parquet", CAPTURED, exported(CAPTURED, event)))
    assert table.column_names[: len(ENVELOPE)] == ENVELOPE
    row: dict[str, Any] = table.to_pylist()[0]
    assert (row["id"], row["lead_id"], row["time"], row["mode"]) == (event.id, e.LEAD, e.at(0.5), "live")
    assert (row["data_origin_channel"], row["data_origin_captured_at"]) == ("web_form", e.at(0.5))
    assert row["data_person_email"] == "ada@example.com"
    assert row["data_identity_new"] is True
    assert row["data_company_employees"] is None
    assert orjson.loads(row["data"])["origin"]["submission_id"] == "s1"


@pytest.mark.parametrize("topic", EXPORTABLE, ids=lambda topic: topic.name)
def test_a_topic_s_columns_do_not_depend_on_what_is_in_it(topic: Topic, tmp_path: Path) -> None:
    path = written(tmp_path / "empty.parquet", "parquet", topic, [])
    assert pq.read_schema(path).equals(arrow_schema(columns_of(topic)))
    names = pq.read_schema(path).names
    assert len(set(names)) == len(names)


def test_events_of_one_topic_share_their_columns() -> None:
    kinds = {column.name: column.kind for column in columns_of(ASSIGNED)}
    assert kinds["data_band"] == pa.string()
    assert kinds["data_deadline"] == kinds["data_deadlines_owned_by"] == MOMENT
    assert kinds["data_seconds"] == pa.float64()
    assigned, met = exported(ASSIGNED, e.assigned(), e.met("owned", 30))
    values = {column.name: (column.value(assigned), column.value(met)) for column in columns_of(ASSIGNED)}
    assert values["data_rep"] == ("kim", "kim")
    assert values["data_seconds"] == (None, 30.0)
    assert values["data_rule"] == ("default", None)


def test_money_is_a_number(tmp_path: Path) -> None:
    events = exported(OUTCOMES, e.outcome("won", 5, "1234.50"), e.outcome("meeting", 4))
    table = pq.read_table(written(tmp_path / "out.parquet", "parquet", OUTCOMES, events))
    assert table.column("data_value").to_pylist() == [1234.5, None]


def test_nothing_personal_is_left_when_it_is_not_wanted(tmp_path: Path) -> None:
    for kind in FORMATS:
        for topic, event in (
            (CAPTURED, e.captured()),
            (ASSIGNED, e.assigned()),
            (REJECTED, e.rejected()),
            (DEAD, e.dead()),
        ):
            path = tmp_path / f"{topic.name}.{kind}"
            written(path, kind, topic, exported(topic, event), personal=False)
            content = str(pq.read_table(path).to_pylist()) if kind == "parquet" else path.read_text()
            assert "ada@example.com" not in content
            assert "person_email" not in content
            assert "e30=" not in content  # the rejected body


def test_csv_holds_the_same_as_parquet(tmp_path: Path) -> None:
    events = exported(CAPTURED, e.captured(0), e.captured(1, "s2", "chat"))
    rows = rows_of_csv(written(tmp_path / "out.csv", "csv", CAPTURED, events))
    assert list(rows[0]) == [column.name for column in columns_of(CAPTURED)]
    assert [row["data_origin_channel"] for row in rows] == ["web_form", "chat"]
    assert (rows[0]["time"], rows[0]["data_identity_new"]) == ("2026-03-02T09:00:00+00:00", "true")
    assert rows[0]["policy"] == ""


@given(st.sampled_from(FORMULA_STARTS), st.text(max_size=20))
def test_no_cell_of_text_can_be_run_as_a_formula(start: str, rest: str) -> None:
    guarded = cell(start + rest)
    assert guarded == f"'{start}{rest}"
    assert not guarded.startswith(FORMULA_STARTS)


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://evil")', "+1", "-2+3", "@SUM(A1)", "\tx", "=1\n=2", 'a,b;"c"', "\r="]
)
def test_what_a_stranger_writes_stays_in_its_cell(name: str, tmp_path: Path) -> None:
    rows = rows_of_csv(written(tmp_path / "out.csv", "csv", CAPTURED, exported(CAPTURED, hostile(name))))
    assert len(rows) == 1
    assert rows[0]["data_person_name"].removeprefix("'") == name
    assert not rows[0]["data_person_name"].startswith(FORMULA_STARTS)


@pytest.mark.parametrize(
    ("value", "text"), [(-5, "-5"), (-0.5, "-0.5"), (None, ""), (False, "false"), ("plain", "plain")]
)
def test_numbers_are_not_taken_for_formulas(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize("kind", FORMATS)
def test_a_broken_off_export_leaves_nothing_behind(kind: Format, tmp_path: Path) -> None:
    path = tmp_path / "out"

    def broken_off() -> None:
        with writing(path, kind, CAPTURED, personal=True) as writer:
            writer.write(exported(CAPTURED, e.captured()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert list(tmp_path.iterdir()) == []


def test_the_format_follows_the_file_s_ending_unless_it_is_said(tmp_path: Path) -> None:
    assert job_of("leads.captured", tmp_path / "a.CSV").kind == "csv"
    assert job_of("leads.captured", tmp_path / "a.csv", "jsonl").kind == "jsonl"
    with pytest.raises(CommandFailed, match="--format"):
        job_of("leads.captured", tmp_path / "a.txt")


@pytest.mark.parametrize("topic", ["leads.keys", "leads.unheard_of"])
def test_a_topic_that_holds_no_events_is_named_with_those_that_do(topic: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"leads\.captured, leads\.signals"):
        job_of(topic, tmp_path / "a.csv")


def test_a_file_that_is_there_is_not_written_over_by_accident(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(CommandFailed, match="--force"):
        job_of("leads.captured", tmp_path / "a.csv")
    assert job_of("leads.captured", tmp_path / "a.csv", force=True).out.name == "a.csv"


def test_a_span_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="--to must be later"):
        job_of("leads.captured", tmp_path / "a.csv", None, e.at(10), e.at(10))


def test_the_summary_says_what_was_left_out_and_why(tmp_path: Path) -> None:
    job = job_of("leads.captured", tmp_path / "a.csv")
    text = summary(job, {"exported": 1200, "repeated": 3, "erased": 2, "unreadable": 1})
    assert text.startswith(f"1,200 events of leads.captured in {job.out}.")
    assert "3 repeats" in text
    assert "erased" in text
    assert "leads.dead" in text
    assert "left out" not in summary(job, {"exported": 1, "repeated": 0, "erased": 0, "unreadable": 0})
