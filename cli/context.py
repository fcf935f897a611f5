"""Where commands find the running stack, its database and its HTTP interfaces.

What a command ends with: 0 it did what was asked, 1 it could not, or what it looked at is wrong, 2 wrong usage,
3 nothing runs or a server does not answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from infra.clock import Clock
    from infra.postgres import Connection
    from infra.settings import Settings

T = TypeVar("T")

FAILED, USAGE, UNREACHABLE = 1, 2, 3
KAFKA, POSTGRES = "LEADSTREAM_KAFKA", "LEADSTREAM_POSTGRES"
HTTP_SECONDS = 15.0


class CommandFailed(Exception):  # named for the state
    """Ends the command with a message that says what is wrong and what to do."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Stack:
    """What the commands work on.

    Attributes:
        settings: where the servers are.
        folder: the data folder that was looked at.
        runs: whether `leadstream run` has a stack up on that folder.
    """

    settings: Settings
    folder: Path
    runs: bool

    @property
    def clock(self) -> Clock:
        """The stack's time, which travels in a demo."""
        from infra.clock import clock_from

        return clock_from(self.settings.clock_file)

    def url(self, service: str) -> str:
        """Where the service's HTTP interface is.

        Raises:
            CommandFailed: nothing says where.
        """
        return required(f"LEADSTREAM_{service.upper()}_URL").rstrip("/")


def find_stack(*needs: str) -> Stack:
    """Finds the stack on the data folder, overlaid with the LEADSTREAM_* variables that are set.

    Args:
        needs: variables without which the command can't work.

    Raises:
        CommandFailed: one of them is unknown, or a variable is wrong.
    """
    from pydantic import ValidationError

    from infra.settings import Settings
    from local.embedded.discover import data_dir, use_stack

    folder = data_dir()
    runs = use_stack(folder)
    for need in needs:
        required(need)
    try:
        return Stack(Settings(), folder, runs)
    except ValidationError as error:
        wrong = "; ".join(
            f"LEADSTREAM_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        )
        raise CommandFailed(f"a setting is wrong: {wrong}", USAGE) from error


def required(variable: str) -> str:
    """Gives the variable's value.

    Raises:
        CommandFailed: it is not set.
    """
    from local.embedded.discover import data_dir

    if value := os.environ.get(variable):
        return value
    raise CommandFailed(
        f"nothing runs on {data_dir()}, and {variable} is not set. Start a stack with `leadstream run`, name the data "
        f"folder of the one that runs (--data or LEADSTREAM_DATA), or set {variable}",
        UNREACHABLE,
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine; servers that don't answer become errors in plain words."""
    import psycopg
    from aiokafka.errors import KafkaError

    silence_libraries()
    try:
        return asyncio.run(work)
    except KafkaError as error:
        raise CommandFailed(
            f"Kafka at {os.environ.get(KAFKA)} does not do what is asked ({type(error).__name__}: {error}). "
            "`leadstream doctor` looks closer",
            UNREACHABLE,
        ) from error
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
        raise CommandFailed(
            f"Postgres does not do what is asked: {str(error).strip()}. `leadstream doctor` looks closer", UNREACHABLE
        ) from error


def silence_libraries() -> None:
    """Silences the libraries: what goes wrong is printed once. LEADSTREAM_LOG_LEVEL=debug lets them write too."""
    import structlog

    debugging = os.environ.get("LEADSTREAM_LOG_LEVEL", "").lower() == "debug"
    level = logging.DEBUG if debugging else logging.CRITICAL
    logging.getLogger("aiokafka").setLevel(level)
    logging.getLogger("asyncio").setLevel(level)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


# -- connections -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def database(settings: Settings, service: str | None = None) -> AsyncIterator[Connection]:
    """Opens a connection as the operator, or as a service with its schema in sight."""
    import psycopg

    from infra.postgres import connect

    if service is not None:
        connection = await connect(settings, service)
    else:
        connection = await psycopg.AsyncConnection.connect(settings.dsn(), autocommit=True, connect_timeout=5)
    async with connection:
        yield connection


def ping_redis(settings: Settings) -> str:
    """Asks Redis for its version.

    Raises:
        redis.RedisError: it does not answer.
    """
    import redis

    with redis.Redis.from_url(settings.redis.get_secret_value(), socket_timeout=5, socket_connect_timeout=5) as client:
        found: Any = client.info("server")
        return str(found.get("valkey_version") or found.get("redis_version") or "unknown")


@dataclass(frozen=True)
class Answer:
    """What a service answered; `body` is the decoded JSON, or the text where it is none."""

    status: int
    body: Any
    retry_after: str | None = None
    """The header of that name: when to come back, in seconds or as a date."""

    @property
    def good(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300


def ask(
    url: str, document: Mapping[str, Any] | None = None, token: str | None = None, seconds: float = HTTP_SECONDS
) -> Answer:
    """GETs, or POSTs a document.

    Raises:
        CommandFailed: nobody answers there.
    """
    import http.client
    from urllib import request

    import orjson

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandFailed(f"{url} is no http address", USAGE)
    headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "leadstream-cli"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = orjson.dumps(document) if document is not None else None
    # A proxy for the world outside must not be asked for this machine.
    proxies = request.ProxyHandler({}) if _is_loopback(parts.hostname) else request.ProxyHandler()
    opener = request.build_opener(proxies)
    try:
        with opener.open(request.Request(url, body, headers), timeout=seconds) as answer:  # noqa: S310  # http(s), above
            return Answer(answer.status, _decoded(answer.read()))
    except HTTPError as error:
        with error:
            return Answer(error.code, _decoded(error.read()), error.headers.get("Retry-After"))
    except (URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise CommandFailed(
            f"{parts.scheme}://{parts.netloc} does not answer ({reason}). `leadstream doctor` looks closer",
            UNREACHABLE,
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _decoded(body: bytes) -> Any:
    import orjson

    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
