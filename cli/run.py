"""`leadstream run`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.status import Status
from rich.table import Table

from local.embedded.discover import data_dir
from local.embedded.errors import EmbeddedError
from local.embedded.secrets import FILE_NAME as SECRETS_FILE
from local.supervise.plan import Options
from local.supervise.stack import Ready, RunningStack, running, shown_path

#: What the curl line sends.
SAMPLE = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "title": "VP Engineering",
    "company": "Analytical Engines",
    "source": "demo",
}
MIB = 1024 * 1024


def run(
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes of each service.")] = 1,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data, logs and secrets.", show_default="LEADSTREAM_DATA or .leadstream"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line once it is ready, nothing else.")] = False,
) -> None:
    """Start Kafka, Postgres, Valkey and the six services; Ctrl-C stops them all."""
    folder = data.expanduser().resolve() if data else data_dir()
    serve(Options(folder, workers=workers), as_json=as_json)


def serve(options: Options, *, as_json: bool) -> None:
    """Run the stack until a signal ends it; exit with 1 and a plain message when something is wrong."""
    console = Console(stderr=as_json)  # with --json, standard output is for the one line
    try:
        with show_progress(console) as report, running(options, report) as stack:
            report.finish()
            announce(console, stack, as_json=as_json)
            stack.watch()
    except KeyboardInterrupt:
        console.print("Stopped. The data stays; the next start goes on with it.")
    except EmbeddedError as error:
        console.print(f"[bold red]Leadstream can't run.[/] {error}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from error


class ConsoleReport:
    """Tells the operator on a terminal: one line that changes, and notices that stay."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console, self._status = console, status

    def step(self, text: str) -> None:
        self._status.update(text)
        self._status.start()
        if not self._console.is_terminal and not text.startswith("Waiting"):
            self._console.print(text, highlight=False)

    def notice(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def jars(self, done: int, total: int, received: int) -> None:
        self._status.update(f"Fetching Kafka, once: {done} of {total} files, {received / MIB:.0f} MB")

    def finish(self) -> None:
        self._status.stop()


@contextmanager
def show_progress(console: Console) -> Iterator[ConsoleReport]:
    with console.status("Starting") as status:
        yield ConsoleReport(console, status)


def announce(console: Console, stack: RunningStack, *, as_json: bool) -> None:
    ready = stack.ready
    assert ready is not None
    if as_json:
        sys.stdout.write(json.dumps(summary(ready, stack.options)) + "\n")
        sys.stdout.flush()
        return
    console.print(Panel(_places(ready, stack.options), title=_title(ready), title_align="left", expand=False))
    console.print("Try it:", highlight=False)
    console.print(curl_line(ready), highlight=False, soft_wrap=True, markup=False)


def _title(ready: Ready) -> str:
    return f"Leadstream is ready ({ready.seconds:.1f} s)"


def _places(ready: Ready, options: Options) -> Table:
    plan = ready.plan
    table = Table.grid(padding=(0, 2))
    for worker in plan.workers:
        if worker.service == "capture":
            table.add_row("Post leads", f"{worker.url}/v1/leads")
    table.add_row("Metrics", f"{plan.first('metrics').url}/metrics, and /metrics of each service")
    table.add_row("Services", ", ".join(f"{worker.name} :{worker.port}" for worker in plan.workers))
    table.add_row("Kafka", plan.env["LEADSTREAM_KAFKA"])
    table.add_row("Data and logs", shown_path(options.data_dir))
    table.add_row("Tokens", shown_path(options.data_dir / SECRETS_FILE))
    table.add_row("Look around", "leadstream doctor, leadstream tail leads.captured, leadstream trace ada@example.com")
    table.add_row("Stop", "Ctrl-C")
    return table


def curl_line(ready: Ready) -> str:
    """Posts one lead to the running stack."""
    plan = ready.plan
    token = plan.env["LEADSTREAM_CAPTURE_TOKEN"].split(",")[0]
    return (
        f"curl -sS {plan.first('capture').url}/v1/leads -H 'Authorization: Bearer {token}' "
        f"-H 'Content-Type: application/json' -d '{json.dumps(SAMPLE)}'"
    )


def summary(ready: Ready, options: Options) -> dict[str, object]:
    """What a script wants to know; the tokens are in the file that `secrets` names."""
    plan = ready.plan
    return {
        "ready": True,
        "seconds": round(ready.seconds, 2),
        "leads": f"{plan.first('capture').url}/v1/leads",
        "metrics": f"{plan.first('metrics').url}/metrics",
        "services": {worker.name: worker.url for worker in plan.workers},
        "kafka": plan.env["LEADSTREAM_KAFKA"],
        "data": str(options.data_dir),
        "secrets": str(options.data_dir / SECRETS_FILE),
        "notices": plan.notices,
    }


if __name__ == "__main__":
    typer.run(run)
