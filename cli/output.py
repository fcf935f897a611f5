"""How commands print: one console for what was asked, one (standard error) for everything else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from log.progress import ReportProgress

if TYPE_CHECKING:
    from rich.progress import TaskID


#: Columns of what goes to a file or another program, which have no width of their own.
PIPE_WIDTH = 160


def out() -> Console:
    """Gives the console for what was asked for; made anew, so that it follows a redirected `sys.stdout`."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=PIPE_WIDTH)


def show(renderable: RenderableType) -> None:
    """Prints a table or a text; for a file or another program, without the spaces that fill up a terminal's line."""
    console = out()
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
    sys.stdout.flush()


def err() -> Console:
    """Progress, notes and errors."""
    return Console(stderr=True, highlight=False)


def print_json(document: Any, *, lines: bool = False) -> None:
    """Prints one JSON document; with `lines`, one of many, each on its line."""
    import orjson

    option = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE | (0 if lines else orjson.OPT_INDENT_2)
    sys.stdout.write(orjson.dumps(document, default=str, option=option).decode())
    sys.stdout.flush()


@contextmanager
def progress(what: str) -> Iterator[ReportProgress]:
    """Shows a bar on standard error, gone when it is done; none where nobody looks."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = err()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task: TaskID = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def confirmed(question: str, *, yes: bool) -> None:
    """Goes on when the operator says yes.

    Raises:
        CommandFailed: there is nobody to ask.
        typer.Abort: the answer is no.
    """
    import typer

    from cli.context import USAGE, CommandFailed

    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed("nobody is there to confirm it; say --yes", USAGE)
    if not typer.confirm(question, err=True):
        raise typer.Abort
