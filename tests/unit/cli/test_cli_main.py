"""The command line as a whole: what it lists, how fast, and how it tells what went wrong."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import typer
from typer.testing import CliRunner

from cli import main
from cli.context import CommandFailed
from cli.lazy import Entry, group_of
from infra.errors import SettingsError
from local.embedded.errors import StackBusy
from log.errors import LogUnavailable, UnknownLead

NAMES = [entry.name for entry in main.ENTRIES]
HEAVY = ("aiokafka", "psycopg", "pydantic", "aiohttp", "faust", "schemas.topics", "redis")


@pytest.fixture(autouse=True)
def _no_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("LEADSTREAM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEADSTREAM_DATA", str(tmp_path / "no-stack"))
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main.app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_list_names_every_command() -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert [name for name in NAMES if not re.search(rf"^│ {name} ", out, re.MULTILINE)] == []


def test_a_bare_command_shows_the_list() -> None:
    assert "Usage:" in "".join(map(str, run()))


@pytest.mark.parametrize("entry", main.ENTRIES, ids=NAMES)
def test_the_summary_in_the_list_is_the_command_s_own(entry: Entry) -> None:
    module, _, attribute = entry.place.partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        assert target.registered_callback is not None
        target = target.registered_callback.callback
    assert (inspect.getdoc(target) or "").startswith(entry.summary)


@pytest.mark.parametrize("entry", main.ENTRIES, ids=NAMES)
def test_every_command_explains_itself_with_examples(entry: Entry) -> None:
    code, out, _ = run(entry.name, "--help")
    assert code == 0
    assert "Examples" in out
    for line, what in entry.examples:
        assert line in out
        assert what in out


@pytest.mark.parametrize("entry", main.ENTRIES, ids=NAMES)
def test_every_example_is_a_call_that_the_command_would_take(entry: Entry) -> None:
    """Options that a colleague renames must be renamed in the examples."""
    help_text = "".join(run(entry.name, "--help")[1:])
    if entry.name == "policy":
        help_text += "".join(run("policy", "publish", "--help")[1:])
    if entry.name == "route":
        help_text += "".join(run("route", "explain", "--help")[1:])
    for line, _ in entry.examples:
        options = re.findall(r"(?<!\S)--?[a-z][a-z-]*", line.partition(" | ")[0])
        assert [option for option in options if option not in help_text] == []


@pytest.mark.parametrize(
    "entry", [entry for entry in main.ENTRIES if entry.needs_arguments], ids=lambda each: each.name
)
def test_a_command_that_needs_something_shows_its_help_without(entry: Entry) -> None:
    code, out, err = run(entry.name)
    assert code != 0
    assert "Usage:" in out + err


def test_every_command_takes_the_data_folder() -> None:
    for name in NAMES:
        words = (name, *{"policy": ["publish"], "route": ["explain"]}.get(name, []))
        assert "--data" in run(*words, "--help")[1], name


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    code, _, err = run("tarce", "x")
    assert code == 2
    assert "Did you mean 'trace'" in err


@pytest.mark.parametrize(
    "words",
    [("trace", "x"), ("tail", "scored"), ("topics",), ("doctor",), ("dead",), ("pause", "score"), ("policy", "list")],
    ids=" ".join,
)
def test_without_a_stack_a_command_ends_with_3_and_says_what_to_do(words: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = run(*words)
    assert (code, out) == (3, "")
    assert f"nothing runs on {tmp_path}/no-stack, and LEADSTREAM_KAFKA is not set" in err
    assert "leadstream run" in err


def test_the_data_folder_can_be_named_after_the_command(tmp_path: Path) -> None:
    assert f"nothing runs on {tmp_path}/other" in run("topics", "--data", str(tmp_path / "other"))[2]


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("LEADSTREAM_PARTITIONS", "many")
    code, _, err = run("topics")
    assert code == 2
    assert "LEADSTREAM_PARTITIONS" in err


# -- the mechanism -----------------------------------------------------------------------------------------------------


def test_the_list_imports_no_command_and_nothing_heavy() -> None:
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom cli.main import ENTRIES, app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "loaded += [entry.place for entry in ENTRIES if entry.place.partition(':')[0] in sys.modules]\n"
        "sys.exit(f'imported: {loaded}' if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CommandFailed("it [bold]broke[/]", 7), 7, "Error: it [bold]broke[/]\n"),
        (SettingsError("set it"), 1, "Error: set it\n"),
        (LogUnavailable("no topic"), 3, "Error: no topic\n"),
        (UnknownLead("who"), 1, "Error: who\n"),
        (StackBusy("a stack runs"), 1, "Error: a stack runs\n"),
    ],
)
def test_what_goes_wrong_is_told_without_a_traceback(
    error: Exception, code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(app_with(error, monkeypatch), ["fail"])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(app_with(KeyError("ours"), monkeypatch), ["fail"])
    assert isinstance(result.exception, KeyError)


def app_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A command line whose only command ends with `error`."""

    def fail() -> None:
        raise error

    module = ModuleType("failing_command")
    monkeypatch.setattr(module, "fail", fail, raising=False)
    monkeypatch.setitem(sys.modules, "failing_command", module)
    entry = Entry("fail", "failing_command:fail", "Fails.", "Test", (("leadstream fail", "fails"),))
    app = typer.Typer(cls=group_of([entry]))
    app.callback()(lambda: None)
    return app
