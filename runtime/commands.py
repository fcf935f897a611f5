"""Operator's orders: a Faust agent writes them where every worker of the service looks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import structlog

from infra.postgres import PASSING, Connection, connect
from infra.settings import Settings
from schemas.events import Command, CommandIssued
from schemas.strict import Malformed
from schemas.topics import COMMANDS

log = structlog.get_logger()


async def obey(connection: Connection, service: str, value: bytes) -> str:
    """Carries out one record of `leads.commands`; returns what became of it.

    Repeating an order changes nothing, so a record may be read twice.
    """
    try:
        event = COMMANDS.decode(value)
    except Malformed as error:
        log.error("a command can't be read", error=str(error))  # noqa: TRY400  # a traceback would show the values
        return "malformed"
    assert isinstance(event, CommandIssued)
    command = event.data
    if command.service not in (service, "all"):
        return "not for us"
    if command.command == "accept_gap" and gap_of(command.arguments) is None:
        log.error("a command names no topic of ours and partition", command=command.command)
        return "malformed"
    log.warning("command", command=command.command, issued_by=command.issued_by, gap=gap_of(command.arguments))
    await _carry_out(connection, command)
    return "done"


def gap_of(arguments: Mapping[str, str]) -> tuple[str, int] | None:
    """The topic and partition that an `accept_gap` names; None when it names none."""
    topic, partition = arguments.get("topic", ""), arguments.get("partition", "")
    if not re.fullmatch(r"[a-z.]{1,100}", topic) or not re.fullmatch(r"[0-9]{1,4}", partition):
        return None
    return topic, int(partition)


async def obey_patiently(settings: Settings, service: str, value: bytes) -> str:
    """`obey`, on a connection of its own; waits for a database that is away, or the order would be lost."""
    while True:
        try:
            async with await connect(settings, service) as connection:
                return await obey(connection, service, value)
        except (*PASSING, OSError) as error:
            log.warning("an order waits for the database", error=type(error).__name__)
        await asyncio.sleep(1.0)


async def _carry_out(connection: Connection, command: Command) -> None:
    if command.command == "resume":
        await connection.execute("delete from control where key = 'paused'")
        return
    key, value = "paused", "true"
    if command.command == "accept_gap" and (gap := gap_of(command.arguments)):
        key, value = f"accept_gap:{gap[0]}:{gap[1]}", command.issued_by
    await connection.execute(
        "insert into control (key, value) values (%s, %s) on conflict (key) do update set value = excluded.value",
        (key, value),
    )
