"""`leadstream demo`: a simulated month on the real stack, and what came of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.context import FAILED, USAGE, CommandFailed, silence_libraries
from cli.output import print_json
from cli.run import announce, show_progress
from local.embedded.discover import LOCK_NAME, sole_use
from local.embedded.errors import EmbeddedError
from local.supervise import config
from local.supervise.control import Supervisord
from local.supervise.plan import Options
from local.supervise.stack import RunningStack, running, shown_path
from log.times import InvalidTimeError, format_time, parse_time

if TYPE_CHECKING:
    from demo.perform import Performance, ReportStages
    from demo.plan import Scale
    from infra.clock import OffsetClock

FOLDER = Path(".leadstream-demo")
MARK = "demo.json"
"""Lies in a folder that a demo has made, and may empty."""
SERVERS = ("LEADSTREAM_KAFKA", "LEADSTREAM_POSTGRES", "LEADSTREAM_REDIS")
CLOCK_FILE, PACE = "LEADSTREAM_CLOCK_FILE", "LEADSTREAM_PACE"
WIDTH = 120
"""Of the tables where there is no terminal to fit them into."""
STAGES = {"captured": "leads", "assigned": "owned", "contacted": "contacted", "meeting": "meetings", "won": "won"}


def demo(
    leads: Annotated[int, typer.Option("--leads", "-n", min=1, max=20_000, help="How many people enquire.")] = 600,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many days are simulated.")] = 30,
    seed: Annotated[str, typer.Option(help="The same seed, the same people.")] = "1",
    until: Annotated[
        str | None, typer.Option(help="When the simulated time ends: 2026-03-01T17:00.", show_default="now")
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Where the demo keeps its data; emptied first.")] = FOLDER,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Let it run afterwards, to look around in.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """The same stack, fed with a simulated month of leads, and a summary at the end.

    People, companies and reps are invented, nothing is sent to anybody, and the data is apart from that of
    `leadstream run`. Ends with 1 when what came out is not what was sent.
    """
    _refuse_real_servers()
    folder = data.expanduser().resolve()
    end = _end(until)
    console = _console(as_json=as_json)
    try:
        _empty(folder, console, {"leads": leads, "days": days, "seed": seed, "until": end.isoformat()})
        kept = _play(Options(folder), (leads, days, seed, end), console, keep=keep, as_json=as_json)
    except KeyboardInterrupt:
        console.print("Stopped.")
    except EmbeddedError as error:
        raise CommandFailed(f"the demo can't run: {error}") from error
    else:
        if not kept:
            raise typer.Exit(FAILED)


def _console(*, as_json: bool) -> Console:
    """Where progress and tables go; with `--json`, standard output is for the summary."""
    console = Console(stderr=as_json, highlight=False)
    return console if console.is_terminal else Console(stderr=as_json, highlight=False, width=WIDTH)


def _refuse_real_servers() -> None:
    for name in SERVERS:
        if os.environ.get(name):
            raise CommandFailed(
                f"{name} is set. A demo fills servers of its own with invented leads, and none that somebody else "
                f"uses: unset it for this command (env -u {name} leadstream demo)",
                USAGE,
            )


def _end(until: str | None) -> datetime:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    if until is None:
        return now
    try:
        return parse_time(until, now)
    except InvalidTimeError as error:
        raise CommandFailed(f"--until: {error}", USAGE) from error


def _empty(folder: Path, console: Console, mark: Mapping[str, object]) -> None:
    """Makes the folder anew; one that no demo has made is left alone.

    Raises:
        CommandFailed: something else is in it.
        EmbeddedError: a demo runs in it.
    """
    there = list(folder.iterdir()) if folder.exists() else []
    if there and not (folder / MARK).exists():
        raise CommandFailed(
            f"{folder} holds something that no demo has made, and a demo begins by emptying its folder. Name another "
            "one: --data FOLDER",
            USAGE,
        )
    with sole_use(folder):
        if there:
            console.print(f"Emptying {shown_path(folder)}, the data of an earlier demo", soft_wrap=True)
            paths = (folder / "supervisord.conf", config.socket_path(folder), folder / "supervisord.pid")
            Supervisord(*paths).wait_for_leftover()
        for each in there:
            if each.name == LOCK_NAME:
                continue
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        (folder / MARK).write_text(json.dumps(mark) + "\n")


def _play(
    options: Options, wanted: tuple[int, int, str, datetime], console: Console, *, keep: bool, as_json: bool
) -> bool:
    """Starts the stack and plays the demo on it; says whether all that was sent came out."""
    from demo.plan import Scale
    from infra.clock import OffsetClock

    leads, days, seed, end = wanted
    scale = Scale(leads, seed, end - timedelta(days=days), end)
    clock = OffsetClock(options.data_dir / "clock")
    clock.move_to(scale.start)
    os.environ[PACE] = "0"  # the clock stands still until everything is done
    os.environ[CLOCK_FILE] = str(options.data_dir / "clock")
    with show_progress(console) as report, running(options, report) as stack:
        report.finish()
        assert stack.ready is not None
        console.print(f"The stack is up ({stack.ready.seconds:.1f} s). {_announcement(scale)}", soft_wrap=True)
        os.environ.update(stack.plan.discovery)
        done = _perform(scale, stack, clock, console)
        _print_summary(done, stack, console, as_json=as_json)
        if not as_json and not keep:
            console.print("To look around in it yourself: leadstream demo --keep", style="dim")
        if keep:
            _stay(stack, clock, console, ended=end)
    return all(finding.kept for finding in done.findings)


def _announcement(scale: Scale) -> str:
    start, end = format_time(scale.start)[:16], format_time(scale.end)[:16]
    return f"Now {scale.leads:,} people get in touch between {start} and {end} UTC, on a clock that all services share."


def _perform(scale: Scale, stack: RunningStack, clock: OffsetClock, console: Console) -> Performance:
    from demo.perform import perform

    silence_libraries()
    env = stack.plan.discovery
    with _bar(scale, console) as report:
        return asyncio.run(perform(scale, env, stack.options.data_dir, clock, report, _importer(env)))


def _importer(env: Mapping[str, str]) -> Callable[[Path, str], tuple[int, int]]:
    """Imports files as `leadstream import` does, without its output."""
    from cli.importer import ImportOptions, import_csv
    from cli.importing.sending import HttpClient

    client = HttpClient(env["LEADSTREAM_CAPTURE_URL"], env["LEADSTREAM_CAPTURE_TOKEN"].split(",")[0])

    def import_file(path: Path, source: str) -> tuple[int, int]:
        summary = import_csv(path, ImportOptions(source=source), client, Console(file=io.StringIO()))
        return summary.accepted, summary.refused

    return import_file


@contextmanager
def _bar(scale: Scale, console: Console) -> Iterator[ReportStages]:
    """A progress bar over the simulated time; where nobody looks, a line a day."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}"),
        console=console,
        disable=not console.is_terminal,
    )
    length = (scale.end - scale.start).total_seconds()
    days: set[str] = set()
    with bar:
        task = bar.add_task(f"{scale.start:%a %d %b %H:%M}", total=length, counts="")

        def report(now: datetime, stages: Mapping[str, int]) -> None:
            counts = "  ".join(f"{stages.get(stage, 0)} {name}" for stage, name in STAGES.items())
            passed = (now - scale.start).total_seconds()
            bar.update(task, description=f"{now:%a %d %b %H:%M}", completed=passed, counts=counts)
            day = f"{now:%a %d %b}"
            if not console.is_terminal and day not in days:
                days.add(day)
                console.print(f"{day}  {counts}")

        yield report


def _print_summary(done: Performance, stack: RunningStack, console: Console, *, as_json: bool) -> None:
    from cli.demo_summary import show
    from demo.summary import document

    assert stack.ready is not None
    if as_json:
        print_json(document(done, stack.ready.seconds))
        return
    show(console, done)
    events = sum(done.evidence.records.values())
    console.print(
        f"\n{events:,} events in {done.walked.seconds:.0f} s, {done.walked.stops:,} stops of the clock.", soft_wrap=True
    )


def _stay(stack: RunningStack, clock: OffsetClock, console: Console, *, ended: datetime) -> None:
    """Leaves all running until Ctrl-C, by the machine's own time where that has come."""
    if ended <= datetime.now(UTC):
        clock.move_to(datetime.now(UTC))
    announce(console, stack, as_json=False)
    folder = shown_path(stack.options.data_dir)
    console.print("Look around with:", highlight=False)
    for line in ("funnel --by rep", "sla --by team", "rejected", "dead", "doctor", "tail leads.assigned"):
        console.print(f"  leadstream {line} --data {folder}", markup=False, soft_wrap=True)
    with suppress(KeyboardInterrupt):
        stack.watch()
