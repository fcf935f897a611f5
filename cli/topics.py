"""`leadstream topics`: what is in the log, and how far behind each service is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import psycopg
import typer
from rich.table import Table

from cli.context import KAFKA, Stack, database, find_stack, run
from cli.output import err, print_json, show
from infra.errors import SettingsError
from infra.setup import SERVICES
from log.lag import SMALL_FETCH, Positions, TopicState, lags_of, topic_states
from log.reader import open_log
from log.times import describe_duration
from runtime.inspect import read_fences


def topics(*, as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON document.")] = False) -> None:
    """List the topics: partitions, events, age, retention, and how far behind each service is.

    How far a service has read stands in its database; without Postgres the lag is left out.
    """
    states, positions = run(_read(find_stack(KAFKA)))
    if as_json:
        print_json({"topics": [as_document(state, positions) for state in states]})
        return
    if positions is None:
        err().print("Postgres does not answer, so how far behind the services are is not known.")
    show(as_table(states, positions, datetime.now(UTC)))


async def _read(stack: Stack) -> tuple[list[TopicState], Mapping[str, Positions] | None]:
    async with open_log(stack.settings, SMALL_FETCH) as log:
        states = await topic_states(log, stack.settings)
    try:
        async with database(stack.settings) as connection:
            return states, await read_fences(connection, stack.settings, SERVICES)
    except (psycopg.Error, SettingsError):
        return states, None


def retention_of(state: TopicState) -> str:
    """Says how long its records are kept."""
    if "compact" in state.settings.get("cleanup.policy", ""):
        return "the last of each key"
    milliseconds = state.settings.get("retention.ms")
    if milliseconds is None:
        return ""
    return "unlimited" if milliseconds == "-1" else describe_duration(timedelta(milliseconds=int(milliseconds)))


def as_document(state: TopicState, positions: Mapping[str, Positions] | None) -> dict[str, Any]:
    """Gives one topic for a script."""
    return {
        "topic": state.topic.name,
        "about": state.topic.about,
        "partitions": state.partitions,
        "events": state.records,
        "oldest": state.oldest,
        "newest": state.newest,
        "settings": dict(state.settings),
        "lag": None if positions is None else lags_of(state, positions),
    }


def as_table(states: Sequence[TopicState], positions: Mapping[str, Positions] | None, now: datetime) -> Table:
    """Gives a row for each topic."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in (("topic", "left"), ("partitions", "right"), ("events", "right"), ("oldest", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # the literals above
    for name in ("newest", "kept", "not read yet"):
        table.add_column(name, justify="right" if name == "newest" else "left")
    for state in states:
        table.add_row(
            state.topic.name,
            str(state.partitions) if state.partitions else "[red]missing[/]",
            f"{state.records:,}",
            _ago(state.oldest, now),
            _ago(state.newest, now),
            retention_of(state),
            _behind(lags_of(state, positions or {})),
        )
    return table


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{describe_duration(max(now - moment, timedelta(0)))} ago" if moment else ""


def _behind(lags: Mapping[str, int]) -> str:
    late = [f"[yellow]{service} {lag:,}[/]" for service, lag in lags.items() if lag]
    return ", ".join(late) if late or not lags else "[green]nothing[/]"
