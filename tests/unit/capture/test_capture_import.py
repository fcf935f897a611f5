"""An import sends every row once, keeps what is refused, and may be run again."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.context import Answer, CommandFailed
from cli.importer import ImportOptions, import_csv, mapping_of, summary_text
from cli.importing.sending import PATIENCE_SECONDS, Sender, wait_of

QUIET = Console(quiet=True)


class Capture:
    """Takes rows as capture does: knows ids, refuses those without an address."""

    def __init__(self, *first: Answer) -> None:
        self.first = list(first)
        self.documents: list[dict[str, Any]] = []
        self.ids: set[str] = set()

    def post_leads(self, documents: Sequence[dict[str, Any]]) -> Answer:
        if self.first:
            return self.first.pop(0)
        return Answer(207, {"results": [self._take(document) for document in documents]})

    def _take(self, document: dict[str, Any]) -> dict[str, Any]:
        if "@" not in document.get("email", ""):
            return {"status": 422, "errors": [{"pointer": "/email", "reason": "not an email address"}]}
        if document["id"] in self.ids:
            return {"status": 202, "duplicate": True}
        self.ids.add(document["id"])
        self.documents.append(document)
        return {"status": 202, "new": True}


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "fair.csv"
    rows = [f"p{n}@example.com,+44 20 7946 {1000 + n}" for n in range(250)]
    rows[7] = "=HYPERLINK(1),@SUM(1)"
    path.write_text("\n".join(["Email,Phone", *rows]), encoding="utf-8")
    return path


def test_every_row_is_sent_once_and_refused_rows_are_kept_as_they_were(leads: Path) -> None:
    capture = Capture()
    summary = import_csv(leads, ImportOptions(), capture, QUIET)
    assert (summary.rows, summary.accepted, summary.new_leads, summary.refused) == (250, 249, 249, 1)
    assert {document["source"] for document in capture.documents} == {"fair.csv"}
    assert {document["channel"] for document in capture.documents} == {"csv_import"}
    assert "mode" not in capture.documents[0]
    with Path(str(summary.rejects_file)).open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["Email", "Phone", "row", "reason"],
            ["'=HYPERLINK(1)", "'@SUM(1)", "9", "email: not an email address"],
        ]
    assert "row 9: email: not an email address" in summary_text(summary)


def test_importing_again_changes_nothing_and_a_mended_row_is_taken(leads: Path) -> None:
    capture = Capture()
    first = import_csv(leads, ImportOptions(), capture, QUIET)
    again = import_csv(leads, ImportOptions(), capture, QUIET)
    assert (again.accepted, again.repeated, again.refused) == (0, 249, 1)
    rejects = Path(str(first.rejects_file))
    rejects.write_text(
        rejects.read_text(encoding="utf-8").replace("'=HYPERLINK(1)", "mended@example.com"), encoding="utf-8"
    )
    mended = import_csv(rejects, ImportOptions(), capture, QUIET)
    assert (mended.accepted, mended.refused) == (1, 0)
    assert capture.documents[-1]["source"] == "fair.csv"
    assert capture.documents[-1]["phone"] == "@SUM(1)"
    assert "answers" not in capture.documents[-1]


def test_history_needs_to_know_when(leads: Path) -> None:
    with pytest.raises(CommandFailed, match="--submitted-at"):
        import_csv(leads, ImportOptions(history=True), Capture(), QUIET)
    capture = Capture()
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    import_csv(leads, ImportOptions(history=True, submitted_at=moment), capture, QUIET)
    assert {(document["mode"], document["submitted_at"]) for document in capture.documents} == {
        ("history", "2025-01-01T00:00:00+00:00")
    }


def test_a_list_that_says_of_nobody_who_it_is_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Colour,Size\nred,3\n", encoding="utf-8")
    with pytest.raises(CommandFailed, match="COLUMN=email"):
        import_csv(path, ImportOptions(), Capture(), QUIET)


def test_a_dry_run_sends_nothing_and_shows_the_mapping_and_the_first_problems(leads: Path) -> None:
    screen = StringIO()
    summary = import_csv(leads, ImportOptions(dry_run=True), None, Console(width=120, file=screen))
    shown = screen.getvalue()
    assert "p0@example.com" in shown
    assert "phone" in shown
    assert (summary.rows, summary.accepted, summary.refused) == (250, 249, 1)
    assert not leads.with_name("fair.csv.rejects.csv").exists()
    assert "row 9" in summary.problems[0]


def test_rows_before_a_break_in_the_file_are_sent(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("Email,Note\n" + "a@example.com,x\n" * 5 + f"b@example.com,{'x' * 1_100_000}\n", encoding="utf-8")
    capture = Capture()
    with pytest.raises(CommandFailed, match="after row 6"):
        import_csv(path, ImportOptions(), capture, QUIET)
    assert [document["email"] for document in capture.documents] == ["a@example.com"]


def sender(capture: Capture, slept: list[float]) -> Sender:
    clock: Iterator[float] = iter(range(10_000))
    return Sender(capture, slept.append, lambda: sum(slept) + next(clock) * 0.0)


GOOD = {"email": "a@example.com", "id": "1"}


def test_being_turned_away_is_waited_out_for_as_long_as_asked() -> None:
    slept: list[float] = []
    capture = Capture(Answer(503, {}, "7"), Answer(503, {}), Answer(429, {}, "0"))
    assert sender(capture, slept).results([GOOD])[0]["status"] == 202
    assert slept == [7.0, 2.0, 0.0]


def test_being_turned_away_for_too_long_ends_the_import() -> None:
    slept: list[float] = []
    with pytest.raises(CommandFailed, match="again later"):
        sender(Capture(*[Answer(503, {}, "20")] * 100), slept).results([GOOD])
    assert sum(slept) <= PATIENCE_SECONDS


def test_a_batch_that_is_too_large_is_sent_in_halves_and_a_row_that_is_too_large_refused() -> None:
    documents = [{**GOOD, "id": str(number)} for number in range(4)]
    capture = Capture(Answer(413, {}), Answer(413, {}), Answer(413, {}))
    results = sender(capture, []).results(documents)
    assert [result["status"] for result in results] == [413, 202, 202, 202]


@pytest.mark.parametrize(
    "answer", [Answer(401, {}), Answer(400, "no"), Answer(202, {"results": []}), Answer(404, "no")]
)
def test_an_answer_that_is_no_answer_ends_the_import(answer: Answer) -> None:
    with pytest.raises(CommandFailed):
        sender(Capture(answer), []).results([GOOD])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), (None, 9.0), ("soon", 9.0), ("-1", 9.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_the_wait_that_is_asked_for_is_read(header: str | None, seconds: float) -> None:
    assert wait_of(header, 9.0) == seconds


def test_the_operators_mapping_is_read() -> None:
    assert mapping_of(["Work mail=email", "a=b=phone"]) == {"Work mail": "email", "a=b": "phone"}
    for wrong in ("email", "=email", "Mail="):
        with pytest.raises(CommandFailed, match="COLUMN=FIELD"):
            mapping_of([wrong])
