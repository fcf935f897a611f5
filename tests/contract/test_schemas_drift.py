"""The generated files are as the models would have them, and whoever changes a model is told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemas.event_schemas import event_types
from schemas.generate import FOLDER, drift, main, release, releases, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what is in schemas/, to spoil."""
    for name in ("json", "examples", "history"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    shutil.copy(FOLDER / "asyncapi.yaml", tmp_path)
    return tmp_path


def test_nothing_is_out_of_date() -> None:
    assert drift() == [], "run `python -m schemas.generate` and look at what changed"


def test_a_changed_schema_is_noticed(folder: Path) -> None:
    path = folder / "json" / "leadstream.lead.captured.v1.json"
    path.write_text(path.read_text().replace('"submission_id"', '"submissionId"'))
    assert drift(folder) == ["json/leadstream.lead.captured.v1.json is out of date"]


def test_a_missing_and_a_left_over_schema_are_noticed(folder: Path) -> None:
    (folder / "json" / "leadstream.lead.captured.v1.json").rename(folder / "json" / "leadstream.lead.caught.v1.json")
    assert drift(folder) == [
        "json/leadstream.lead.captured.v1.json is missing",
        "json/leadstream.lead.caught.v1.json belongs to no event",
    ]


def test_a_changed_asyncapi_document_is_noticed(folder: Path) -> None:
    path = folder / "asyncapi.yaml"
    path.write_text(path.read_text().replace("partitions: 12", "partitions: 6", 1))
    assert drift(folder) == ["asyncapi.yaml is out of date"]


def test_writing_mends_all_of_it(folder: Path) -> None:
    shutil.rmtree(folder / "json")
    (folder / "json").mkdir()
    (folder / "json" / "leadstream.lead.caught.v1.json").write_text("{}")
    (folder / "asyncapi.yaml").unlink()
    write(folder)
    assert drift(folder) == []


def test_releasing_keeps_schemas_and_examples_under_the_next_number(folder: Path) -> None:
    before = len(releases(folder))
    kept = release(folder)
    assert [path.name for path in releases(folder)] == [str(number + 1) for number in range(before + 1)]
    assert {path.stem for path in (kept / "json").iterdir()} == set(event_types())
    assert len(list(kept.glob("examples/*/*.json"))) == len(list(folder.glob("examples/*/valid/*.json")))


def test_the_command_checks_without_changing_anything() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "schemas.generate", "--check"],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_does_one_thing_at_a_time() -> None:
    with pytest.raises(SystemExit):
        main(["--check", "--release"])


@pytest.mark.parametrize("name", list(event_types()))
def test_every_schema_is_one(name: str) -> None:
    schema = json.loads((FOLDER / "json" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"leadstream:{name}"
    assert {"specversion", "id", "source", "type", "subject", "time", "data"} <= set(schema["required"])
