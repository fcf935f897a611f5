"""`leadstream pause`, `resume`, `accept-gap`: an operator's commands to running services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated, Literal

import typer

from cli.context import KAFKA, Stack, find_stack, run
from cli.output import out, print_json
from schemas.events import Command, CommandIssued

Service = Literal["capture", "enrich", "score", "route", "nurture", "metrics", "all"]
Which = Annotated[Service, typer.Argument(help="The service, or all.")]
AsJson = Annotated[bool, typer.Option("--json", help="The order as JSON.")]


def pause(service: Which, *, as_json: AsJson = False) -> None:
    """Pause a service: it stops reading, and goes on where it stopped.

    Every worker of it obeys within seconds. Capture goes on accepting; what it accepts waits in its database.
    """
    _issue(service, "pause", {}, as_json=as_json)


def resume(service: Which, *, as_json: AsJson = False) -> None:
    """Let a paused service go on."""
    _issue(service, "resume", {}, as_json=as_json)


def accept_gap(
    service: Which,
    topic: Annotated[str, typer.Argument(help="Such as leads.enriched, or just enriched.")],
    partition: Annotated[int, typer.Argument(min=0)],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a service read on behind a sequence gap, once you know what is missing.

    A gap means that events may be lost. `leadstream doctor` names it; find out why before you accept it.
    """
    from cli.tail import topic_named

    _issue(service, "accept_gap", {"topic": topic_named(topic).name, "partition": str(partition)}, as_json=as_json)


def _issue(
    service: Service,
    what: Literal["pause", "resume", "accept_gap"],
    arguments: Mapping[str, str],
    *,
    as_json: bool,
) -> None:
    command = Command(service=service, command=what, issued_by=getuser(), arguments=dict(arguments))
    event = run(_send(find_stack(KAFKA), command))
    if as_json:
        print_json(event.to_dict())
    else:
        whom = "every service" if service == "all" else service
        out().print(f"Ordered {whom} to {what.replace('_', ' ')}. `leadstream doctor` shows what became of it.")


async def _send(stack: Stack, command: Command) -> CommandIssued:
    from infra.kafka import build_producer
    from schemas.base import Cause, derived_id, new_traceparent
    from schemas.topics import COMMANDS

    now = datetime.now(UTC)
    identity = derived_id("command", command.to_json().decode(), now.isoformat())
    cause = Cause(id=identity, lead_id=f"command-{identity[:16]}", traceparent=new_traceparent(identity))
    event = CommandIssued.create(cause=cause, service="cli", time=now, data=command)
    producer = await build_producer(stack.settings)
    try:
        await producer.send_and_wait(stack.settings.topic(COMMANDS.name), event.to_json(), key=event.subject.encode())
    finally:
        await producer.stop()
    return event
