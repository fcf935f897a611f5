"""What the documents point at is there: files, headings, pictures, commands and settings."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
from typer._click.exceptions import ClickException  # typer's own copy of click, which its errors come from

from cli.main import app
from infra.settings import Settings
from tests.support.docs import ROOT, RUN, SHOWN, agrees, blocks_of, documents, prose_of

DOCUMENTS = documents()
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:bench|cli|demo|deploy|docs|policies|runtime|schemas|services|tests)/[\w./-]+")


def links_of(path: Path) -> list[str]:
    return _LINK.findall(re.sub(r"`[^`\n]+`(?!\])", "", prose_of(path)))


def anchors_of(path: Path) -> set[str]:
    """The anchors that GitHub gives a document's headings."""
    anchors: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", prose_of(path), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        anchors[anchor] = anchors.get(anchor, -1) + 1
    return {f"{anchor}-{n}" if n else anchor for anchor, count in anchors.items() for n in range(count + 1)}


def broken(path: Path, link: str) -> str | None:
    """What is wrong with a link, if anything is."""
    if link.startswith(("https://", "mailto:")):
        return None
    if "://" in link:
        return "neither a path nor https"
    target, _, anchor = link.partition("#")
    place = (path.parent / unquote(target)).resolve() if target else path
    if not place.exists():
        return "there is no such file"
    if target and not place.is_relative_to(ROOT):
        return "it leads out of the repository"
    if anchor and anchor not in anchors_of(place):
        return f"there is no heading #{anchor}; there are {', '.join(sorted(anchors_of(place)))}"
    return None


@each_document
def test_every_link_leads_somewhere(path: Path) -> None:
    wrong = {link: why for link in links_of(path) if (why := broken(path, link))}
    assert not wrong


def test_links_are_found_and_wrong_ones_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One & two\n\n[a](#one--two) [b](#three) ![c](none.svg) `[d](no-link)`\n\n```\n[e](none)\n```\n")
    assert links_of(page) == ["#one--two", "#three", "none.svg"]
    assert broken(page, "#one--two") is None
    assert "no heading #three" in str(broken(page, "#three"))
    assert broken(page, "none.svg") == "there is no such file"


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen, queue = set[Path](), [ROOT / "README.md"]
    while queue:
        path = queue.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        places = [(path.parent / link.partition("#")[0]).resolve() for link in links_of(path) if "://" not in link]
        queue += [place for place in places if place.is_file()]
        queue += [page for place in places if place.is_dir() for page in place.glob("*.md")]
    written = {page for folder in ("docs", "docs/adr", "deploy", "schemas") for page in (ROOT / folder).glob("*.md")}
    assert written <= seen


@each_document
def test_paths_that_are_named_exist(path: Path) -> None:
    named = {code for code in _CODE.findall(prose_of(path)) if _PATH.fullmatch(code)}
    assert not {code for code in named if not ((ROOT / code).exists() or (path.parent / code).exists())}


# -- blocks and commands -----------------------------------------------------------------------------------------------


@each_document
def test_every_block_is_run_or_says_why_not(path: Path) -> None:
    for block in blocks_of(path):
        assert block.language in RUN | SHOWN, f"{block}: use one of {', '.join(sorted(RUN))} for what can be run"
        if block.not_run is not None:
            assert len(block.not_run.split()) >= 3, f"{block}: say why it is not run"
        if block.language not in RUN:
            assert not re.search(r"^(?:\$ |curl |leadstream |make |docker )", block.text, re.MULTILINE), (
                f"{block}: run it"
            )


def commands_of(path: Path) -> Iterator[str]:
    """Every `leadstream …` that the document tells its reader to type."""
    for block in blocks_of(path):
        if block.language in ("sh", "console"):
            lines = block.text.replace("\\\n", " ").splitlines()
            yield from (found[1] for line in lines if (found := re.match(r"\s*(?:\$ )?(leadstream .*)", line)))
    yield from (code for code in _CODE.findall(prose_of(path)) if code.startswith("leadstream "))


@each_document
def test_every_command_that_is_named_can_be_typed(path: Path) -> None:
    program: Any = typer.main.get_command(app)
    for command in commands_of(path):
        words = shlex.split(command.split(" | ")[0])[1:]
        parse(program, words, command)


def parse(program: Any, words: list[str], command: str) -> None:
    """Reads arguments as the program would, and does nothing; a name alone, such as `leadstream run`, is enough."""
    name, *rest = words
    if name.startswith("-"):
        return
    with program.make_context("leadstream", [], resilient_parsing=True) as context:
        _, found, _ = program.resolve_command(context, words)
        assert found is not None, f"there is no command {name}: `{command}`"
        if not rest:
            return
        if hasattr(found, "list_commands"):
            parse(found, rest, command)
        else:
            found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("words", ["trace someone --fellow", "policy chek policy.yaml", "teil leads.dead", "tail"])
def test_a_command_that_cannot_be_typed_is_noticed(words: str) -> None:
    with pytest.raises((ClickException, AssertionError)):
        parse(typer.main.get_command(app), shlex.split(words) + ["--no-such-option"] * (words == "tail"), words)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^\$? ?)make ([a-z][\w-]*)", text, re.MULTILINE))
        assert named <= targets, path


def test_the_build_server_runs_the_readmes_test_command() -> None:
    assert "\nmake test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"LEADSTREAM_[A-Z_]+", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")))
    names = {"capture_tokens": "capture_token", "form_keys": "form_key"}
    assert {f"LEADSTREAM_{names.get(name, name).upper()}" for name in Settings.model_fields} <= documented


def test_the_pictures_show_the_topics_as_they_are() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "pictures" / "draw.py", "--check"], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr


# -- the comparison itself ---------------------------------------------------------------------------------------------

STORY = """Lead 01a20d00806b54f5ef31fabd461938a6  2 events
2026-11-24 10:01:06.411   +0 ms  capture  captured
                                            agreed to be contacted
2026-11-24 10:01:07.085  +1.2 s  route    SLA met: owned in 59 s
"""
OTHER_RUN = """Lead 0000000000000000000000000000000f  12 events
2027-01-02 23:59:59.000  +5 min 3 s  route    SLA met:
                                              owned in 1 min
2027-01-02 23:59:58.000   +0 ms  capture  captured
                                            agreed to be contacted
"""


def test_output_of_another_run_has_the_same_shape() -> None:
    assert agrees(STORY, OTHER_RUN)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("owned in", "contacted in"),
        ("agreed to be contacted\n", "\n"),
        ("2 events\n", "2 events\nand more\n"),
        ("captured\n", "captured again\n"),
        ("59 s\n", "59 s\n2026-11-24 10:01:08.000  +2 s  score  scored\n"),
    ],
    ids=["another word", "a line less", "a line more", "more in a line", "an event more"],
)
def test_output_that_says_something_else_has_another_shape(was: str, becomes: str) -> None:
    assert was in STORY
    assert not agrees(STORY, STORY.replace(was, becomes))
    assert not agrees(STORY.replace(was, becomes), STORY)


def test_lines_may_be_left_out_where_the_document_says_so() -> None:
    head, first, detail, last = STORY.splitlines(keepends=True)
    assert agrees(f"{head}…\n{last}…\n", STORY)
    assert agrees(f"{head}{first}{' ' * 40}…\n{last}", STORY)
    assert not agrees(f"{head}{first}{last}", STORY)
    assert not agrees(f"{head}…\n{detail.strip()} twice\n{last}", STORY)
