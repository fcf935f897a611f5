"""Hosts a worker in a Faust application: its lifecycle, its supervision, and the agent for operator's commands."""

from __future__ import annotations

import asyncio
import ctypes
import gc
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust
import structlog
import uvloop
from aiohttp import web
from aiohttp.typedefs import Middleware
from mode import Service as FaustService

from infra import logs
from infra.clock import Clock, clock_from
from infra.errors import LeadstreamError
from infra.http import build_application, serve
from infra.kafka import expect_uvloop
from infra.policy_reader import PolicyReader
from infra.redact import safe_message
from infra.settings import Settings
from runtime.commands import obey_patiently
from runtime.effects import Performer
from runtime.publish import FaultPoint, no_faults
from runtime.stage import Stage
from runtime.worker import Worker
from schemas.topics import COMMANDS

log = structlog.get_logger()

M_TRIM_THRESHOLD, M_ARENA_MAX = -1, -8
"""Parameters of glibc's mallopt(3)."""


@dataclass
class ServiceSpec:
    """What a service is made of. `app.py` fills it in; everything has a default but the stage."""

    stage: Stage[Any]
    settings: Settings = field(default_factory=Settings)
    performer: Performer | None = None
    routes: Callable[[ServiceSpec], Iterable[web.AbstractRouteDef]] | None = None
    middlewares: Iterable[Middleware] = ()
    tasks: Iterable[Callable[[ServiceSpec], Awaitable[None]]] = ()
    """Run as long as the service does, such as capture's group commit."""
    probe: FaultPoint = no_faults
    clock: Clock = field(init=False)
    policies: PolicyReader = field(init=False)
    worker: Worker[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.clock = clock_from(self.settings.clock_file)
        self.policies = PolicyReader(self.settings)
        self.worker = Worker(
            self.stage, self.settings, self.clock, self.policies.book, performer=self.performer, probe=self.probe
        )

    def not_ready(self) -> str:
        """Why the service is not ready, or nothing."""
        if not len(self.policies.book):
            return "no policy is published; run `leadstream policy publish policy.yaml`"
        return "" if self.worker.ready else (self.worker.problem or "starting")


def build(parts: ServiceSpec) -> faust.App:
    """The service's Faust application. Nothing is connected before it starts."""
    settings, name = parts.settings, parts.stage.name
    app = faust.App(
        f"{settings.topic_prefix}leadstream-{name}-commands",
        broker=f"kafka://{settings.kafka}",
        web_enabled=False,
        datadir=str(Path(gettempdir(), f"leadstream-faust-{name}")),  # Faust makes it; nothing is kept there
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        # With the defaults a restart after kill -9 waits a minute for the dead member's session to end.
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_heartbeat_interval=max(settings.session_timeout_ms / 6000, 0.3),
        consumer_group_instance_id=f"{settings.topic_prefix}{name}-commands-{settings.worker}",
        value_serializer="raw",
        key_serializer="raw",
        logging_config=logs.LOGGING,
    )
    _host_worker(app, parts)
    _take_commands(app, parts)
    return app


def _host_worker(app: faust.App, parts: ServiceSpec) -> None:
    @app.service
    class Host(FaustService):
        """Runs the worker; a task that ends, ends the process."""

        runner: web.AppRunner | None = None

        async def on_start(self) -> None:
            application = build_application(
                parts.not_ready, parts.routes(parts) if parts.routes else (), parts.middlewares
            )
            self.runner, port = await serve(application, parts.settings)
            log.info("listening", port=port)

        async def on_stop(self) -> None:
            parts.worker.stop()
            if self.runner is not None:  # None: the port was taken
                await self.runner.cleanup()

        @FaustService.task
        async def work(self) -> None:
            await _supervised(self, _work(parts))

        @FaustService.task
        async def others(self) -> None:
            if tasks := list(parts.tasks):
                await _supervised(self, _all(tasks, parts))


async def _all(tasks: Iterable[Callable[[ServiceSpec], Awaitable[None]]], parts: ServiceSpec) -> None:
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_as_coroutine(task(parts)))


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable


async def _work(parts: ServiceSpec) -> None:
    """Reads the policies, then works; both go on until the service stops."""
    await parts.policies.start()
    following = asyncio.create_task(parts.policies.follow(), name="policies")
    working = asyncio.create_task(parts.worker.run(), name="worker")
    try:
        await asyncio.wait({following, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (working, following):
            if task.done():
                task.result()
    finally:
        following.cancel()
        working.cancel()
        await asyncio.gather(following, working, return_exceptions=True)
        await parts.policies.stop()


async def _supervised(host: FaustService, work: Awaitable[None]) -> None:
    """A service task that merely returns would leave a useless process alive: crash instead, and be restarted.

    So would one that a library cancelled from within, as aiokafka does when the broker goes away while it connects.
    """
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if host.should_stop or (task is not None and task.cancelling()):
            raise
        reason = RuntimeError("a task was cancelled, and nobody had asked for it")
        log.error("stopping", error=str(reason))  # noqa: TRY400  # no traceback tells more
        await host.crash(reason)
    except LeadstreamError as error:
        log.error("stopping", error=str(error))  # noqa: TRY400  # the message says it all
        await host.crash(error)
    except BaseException as error:
        log.exception("stopping")
        await host.crash(error)
        raise
    else:
        if not host.should_stop:
            await host.crash(RuntimeError("the worker ended by itself"))


def _take_commands(app: faust.App, parts: ServiceSpec) -> None:
    topic = app.topic(parts.settings.topic(COMMANDS.name), internal=False)

    @app.agent(topic)
    async def commands(stream: Any) -> None:
        async for value in stream:
            await obey_patiently(parts.settings, parts.stage.name, value or b"")


def _spare_memory() -> None:
    """Lets glibc give back what a burst has taken: two arenas instead of eight a core, trimmed sooner."""
    with suppress(AttributeError, OSError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 2)
        libc.mallopt(M_TRIM_THRESHOLD, 256 * 1024)


def _tune_process() -> None:
    """Makes the process quick; docs/adr/0009 has what each is worth."""
    asyncio.set_event_loop(uvloop.new_event_loop())
    expect_uvloop()
    _spare_memory()
    # What was imported lives as long as the process, and a batch makes tens of thousands of objects of which few are
    # in circles: the collector needs to look neither at the one nor that often at the other.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run(app: faust.App, parts: ServiceSpec) -> None:
    """The service's main: works until SIGTERM or SIGINT; ends with 1 when it must not go on."""
    logs.configure_logging(parts.settings.log_level, parts.stage.name)
    _tune_process()
    worker = faust.Worker(app, loglevel="WARNING", redirect_stdouts=False)
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code and end.__context__ is not None:  # faust ends the process without a word
            log.error("ended", error=safe_message(end.__context__))  # noqa: TRY400  # logged where it was raised
        raise
