"""The servers that a test session runs on: named by settings, in containers, or embedded."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from local.embedded.kafka import BROKER_SETTINGS, write_one_record
from local.embedded.ports import Ports
from local.embedded.server import ProbeFailed
from local.embedded.stack import EmbeddedStack

NAMED_BY = ("LEADSTREAM_TEST_KAFKA", "LEADSTREAM_TEST_POSTGRES", "LEADSTREAM_TEST_REDIS")
KAFKA_IMAGE, POSTGRES_IMAGE, VALKEY_IMAGE = "apache/kafka:4.1.1", "postgres:18.0", "valkey/valkey:9.0"
CONTAINER_SECONDS = 120
DOCKER_SOCKET = Path("/var/run/docker.sock")


@dataclass(frozen=True)
class Servers:
    """Where they are.

    Attributes:
        kafka: bootstrap servers.
        postgres: DSN of a role that may create databases and roles.
        redis: URL.
    """

    kafka: str
    postgres: str
    redis: str


@contextmanager
def servers(environment: Mapping[str, str] = os.environ) -> Iterator[Servers]:
    """The first way that is open; what was started is stopped at the end."""
    if any(environment.get(name) for name in NAMED_BY):
        yield named(environment)
    elif docker_answers():
        with containers() as found:
            yield found
    else:
        with EmbeddedStack(power_safe=False) as stack:
            yield Servers(stack.kafka.address, stack.postgres.dsn(), stack.valkey.url)


def named(environment: Mapping[str, str]) -> Servers:
    missing = [name for name in NAMED_BY if not environment.get(name)]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} not set; name all three servers ({', '.join(NAMED_BY)}) or none.")
    return Servers(*(environment[name] for name in NAMED_BY))


def docker_answers() -> bool:
    if not os.environ.get("DOCKER_HOST") and not DOCKER_SOCKET.exists():
        return False
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


@contextmanager
def containers() -> Iterator[Servers]:
    from testcontainers.core.container import DockerContainer

    password, ports = os.urandom(16).hex(), Ports()
    kafka_port, postgres_port, valkey_port = ports.any(), ports.any(), ports.any()
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, kafka_port).with_envs(**_kafka_variables(kafka_port))
    postgres = DockerContainer(POSTGRES_IMAGE).with_bind_ports(5432, postgres_port)
    postgres = postgres.with_env("POSTGRES_PASSWORD", password).with_command("-c max_connections=200")
    valkey = DockerContainer(VALKEY_IMAGE).with_bind_ports(6379, valkey_port)
    with ExitStack() as cleanup:
        for container in (kafka, postgres, valkey):
            cleanup.enter_context(container)
        host = kafka.get_container_host_ip()
        found = Servers(
            f"{host}:{kafka_port}",
            f"postgresql://postgres:{password}@{host}:{postgres_port}/postgres",
            f"redis://{host}:{valkey_port}/0",
        )
        _wait_for(found)
        yield found


def _kafka_variables(port: int) -> dict[str, str]:
    """The image takes settings as variables: `log.dirs` is KAFKA_LOG_DIRS."""
    settings: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": "1@localhost:9093",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        **BROKER_SETTINGS,
    }
    return {"KAFKA_" + name.upper().replace(".", "_"): str(value) for name, value in settings.items()}


def _wait_for(found: Servers) -> None:
    def ask_postgres() -> None:
        psycopg.connect(found.postgres, connect_timeout=2).close()

    def ask_redis() -> None:
        with redis.Redis.from_url(found.redis) as client:
            client.ping()

    def ask_kafka() -> None:
        asyncio.run(write_one_record(found.kafka))

    deadline = time.monotonic() + CONTAINER_SECONDS
    for ask in (ask_postgres, ask_redis, ask_kafka):
        _until(ask, deadline)


def _until(ask: Callable[[], None], deadline: float) -> None:
    while True:
        try:
            ask()
        except (psycopg.Error, redis.RedisError, ProbeFailed) as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"A container did not get ready in {CONTAINER_SECONDS} s.") from error
        else:
            return
