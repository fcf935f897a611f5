"""`leadstream demo`: what it refuses to touch."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.context import CommandFailed
from cli.demo import MARK, SERVERS, _empty, _end, _refuse_real_servers
from local.embedded.discover import LOCK_NAME, sole_use
from local.embedded.errors import StackBusy

QUIET = Console(quiet=True)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CommandFailed, match="no demo has made"):
        _empty(tmp_path, QUIET, {})
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_folder_of_an_earlier_demo_is_emptied_and_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    _empty(folder, QUIET, {"seed": "1"})
    (folder / "postgres").mkdir()
    (folder / "postgres" / "data").write_text("old")
    said = Console(record=True, width=200, quiet=False)
    _empty(folder, said, {"seed": "2"})
    assert sorted(each.name for each in folder.iterdir()) == sorted([MARK, LOCK_NAME])
    assert '"2"' in (folder / MARK).read_text()
    assert "Emptying" in said.export_text()


def test_a_link_in_the_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "demo", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    _empty(folder, QUIET, {})
    (folder / "link").symlink_to(elsewhere)
    _empty(folder, QUIET, {})
    assert (elsewhere / "kept").exists()
    assert not (folder / "link").exists()


def test_a_demo_that_runs_is_not_emptied(tmp_path: Path) -> None:
    _empty(tmp_path / "demo", QUIET, {})
    with sole_use(tmp_path / "demo"), pytest.raises(StackBusy):
        _empty(tmp_path / "demo", QUIET, {})


@pytest.mark.parametrize("name", SERVERS)
def test_servers_that_a_setting_names_are_not_filled_with_invented_leads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in SERVERS:
        monkeypatch.delenv(other, raising=False)
    _refuse_real_servers()
    monkeypatch.setenv(name, "somewhere.example:1")
    with pytest.raises(CommandFailed, match=name):
        _refuse_real_servers()


def test_the_simulated_time_ends_now_or_when_it_is_said_to() -> None:
    assert abs((datetime.now(UTC) - _end(None)).total_seconds()) < 120
    assert _end("2026-11-20T17:00") == datetime(2026, 11, 20, 17, tzinfo=UTC)
    with pytest.raises(CommandFailed, match="--until"):
        _end("whenever")
