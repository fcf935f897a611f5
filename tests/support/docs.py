"""Reads the documentation as the tests need it: its fenced blocks, its headings, its links, and what output looks like.

A block in `sh`, `console` or `python` is run, unless a comment on the line before it says why not:

    <!-- not run: there is no Docker engine in the tests -->

`<!-- runs until: some text -->` starts what does not end by itself, and stops it once it has printed that text.
`<!-- ends with 1 -->` is for commands that are shown failing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = frozenset({"sh", "console", "python"})
SHOWN = frozenset({"html", "sql", "json", "yaml", "text", ""})
"""Languages of blocks that only show something; some have tests of their own."""

_FENCE = re.compile(r"^```(\w*) ?(.*)$")
_COMMENT = re.compile(r"^<!-- (.+) -->$")


@dataclass(frozen=True)
class Step:
    """One command of a `console` block, and what it printed."""

    command: str
    expected: str


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is the fence's, `note` the comment before it, `name` what follows the language."""

    path: Path
    line: int
    language: str
    name: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def not_run(self) -> str | None:
        """Why it is not run, if it is not."""
        return self._noted("not run:")

    @property
    def runs_until(self) -> str | None:
        """What it prints before it is stopped, when it does not end by itself."""
        return self._noted("runs until:")

    @property
    def code(self) -> int:
        """What its commands end with."""
        return int(self._noted("ends with") or 0)

    def _noted(self, what: str) -> str | None:
        return self.note.removeprefix(what).strip() if self.note.startswith(what) else None

    def steps(self) -> list[Step]:
        """The commands of a `console` block with what they printed, or an `sh` block as one command."""
        if self.language != "console":
            return [Step(self.text, "")]
        return [_step(part) for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]]


def _step(text: str) -> Step:
    """What follows a prompt: a command, over several lines where they end with a backslash, and its output."""
    lines = text.splitlines()
    end = next(number for number, line in enumerate(lines, start=1) if not line.endswith("\\"))
    return Step("\n".join(lines[:end]), "\n".join(lines[end:]))


def documents() -> list[Path]:
    """What is written for people who use, run or change Leadstream, the README first."""
    return [
        ROOT / "README.md",
        *(path for path in sorted((ROOT / "docs").glob("*.md"))),
        *sorted((ROOT / "docs" / "adr").glob("*.md")),
        ROOT / "CHANGELOG.md",
        ROOT / "deploy" / "runbook.md",
        ROOT / "schemas" / "README.md",
    ]


def blocks_of(path: Path) -> list[Block]:
    """Every fenced block.

    Raises:
        ValueError: a fence is not closed.
    """
    return list(_blocks(path))


def _blocks(path: Path) -> Iterator[Block]:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        found = _FENCE.match(lines[number])
        number += 1
        if not found:
            continue
        start = number
        while number < len(lines) and lines[number] != "```":
            number += 1
        if number == len(lines):
            raise ValueError(f"{path}:{start}: this block is not closed")
        comment = _COMMENT.match(lines[start - 2]) if start > 1 else None
        note = comment[1] if comment else ""
        yield Block(path, start, found[1], found[2].strip(), note, "\n".join(lines[start:number]) + "\n")
        number += 1


def prose_of(path: Path) -> str:
    """The document without its fenced blocks; lines keep their numbers."""
    kept, inside = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        fence = line.startswith("```")
        kept.append("" if inside or fence else line)
        inside ^= fence
    return "\n".join(kept)


# -- the shape of output -----------------------------------------------------------------------------------------------

_MASKS = (
    (re.compile(r"[─━│┃┏┓┗┛┡┩├┤└┘┌┐╭╮╰╯┳┻╇┴┼█▉▊▋▌▍▎▏╸]"), " "),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"), "<time>"),
    (re.compile(r"(?<=Bearer )[\w-]{20,}|(?<=_TOKEN=)[\w-]{20,}|(?<=_KEY=)[\w-]{20,}"), "<secret>"),
    (re.compile(r"(?<!\.)\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b"), "<id>"),
    (re.compile(r"[+-]?\b\d[\d.,]* (?:ms|s|min|h|d|day|days)\b(?: \d+ (?:ms|s|min|h)\b)?"), "<length>"),
    (re.compile(r"[+-]?\b\d[\d.,]*(?<=\d)"), "#"),
)
_EVENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.MULTILINE)
CUT = "…"


def shape(text: str) -> str:
    """The text with what differs from run to run masked: ids, times, lengths of time, secrets, numbers, widths."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return " ".join(text.split())


def agrees(expected: str, actual: str) -> bool:
    """Whether output has the documented shape.

    A line `…` in `expected` stands for any lines; indented, for any lines of the event it belongs to. Lines that begin
    with a time are events: those of one moment may come in another order, as several services write them.
    """
    head, events = _entries(expected)
    actual_head, actual_events = _entries(actual)
    shapes = [shape(event) for event in actual_events]
    for event in events:
        pattern = _pattern(re.sub(rf"^{CUT}$", "", event, flags=re.MULTILINE))
        match = next((each for each in shapes if pattern.fullmatch(each)), None)
        if match is None:
            return False
        shapes.remove(match)
    more_allowed = any(line == CUT for event in events for line in event.splitlines())
    return bool(_pattern(head).fullmatch(shape(actual_head))) and (more_allowed or not shapes)


def _entries(text: str) -> tuple[str, list[str]]:
    """What comes before the first event, and the events, each with the lines that belong to it."""
    starts = [found.start() for found in _EVENT.finditer(text)]
    if not starts:
        return text, []
    ends = [*starts[1:], len(text)]
    return text[: starts[0]], [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _pattern(text: str) -> re.Pattern[str]:
    parts = [shape(part) for part in re.split(rf"^\s*{CUT}$", text, flags=re.MULTILINE)]
    return re.compile(".*".join(map(re.escape, parts)))
