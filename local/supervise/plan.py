"""What will run where: decided before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.embedded import jars
from local.embedded.errors import EmbeddedError
from local.embedded.kafka import Kafka
from local.embedded.ports import LOOPBACK, Choice, Ports
from local.embedded.postgres import Postgres
from local.embedded.server import Server
from local.embedded.valkey import Valkey

#: Each service and the port its first worker would like; the k-th further worker likes 10 * k more.
HTTP_PORTS = {"capture": 8080, "enrich": 8081, "score": 8082, "route": 8083, "nurture": 8084, "metrics": 8085}
WORKER_PORT_STEP = 10
KAFKA_PORT, POSTGRES_PORT, REDIS_PORT = 9092, 5432, 6379


@dataclass(frozen=True)
class Options:
    """What the operator asks for.

    Attributes:
        data_dir: data, logs and secrets.
        workers: processes of each service.
        service_module: what `python -m` runs, `{service}` being its name.
        setup_module: run once the servers answer, before any service; creates topics, roles and schemas.
        external_seconds: how long a server that a setting names may take to answer.
    """

    data_dir: Path
    workers: int = 1
    service_module: str = "services.{service}"
    setup_module: str = "infra.setup"
    external_seconds: float = 15.0


@dataclass(frozen=True)
class Worker:
    """One process of a service."""

    service: str
    index: int
    port: int

    @property
    def name(self) -> str:
        return f"{self.service}-{self.index}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


@dataclass
class Plan:
    """Every process to start, and the settings they share.

    Attributes:
        servers: the embedded ones; what a setting names elsewhere is not among them.
        env: LEADSTREAM_* for the setup and the services.
        notices: what the operator should hear, such as a port that was taken.
    """

    servers: list[Server] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def first(self, service: str) -> Worker:
        return next(worker for worker in self.workers if worker.service == service)

    @property
    def discovery(self) -> dict[str, str]:
        """What other commands need to find the running stack."""
        return self.env | {f"LEADSTREAM_{name.upper()}_URL": self.first(name).url for name in HTTP_PORTS}


def make(
    options: Options, environment: Mapping[str, str], known: Mapping[str, str], progress: jars.Progress | None = None
) -> Plan:
    """Pick ports and write down what runs.

    Args:
        options: what was asked for.
        environment: settings; LEADSTREAM_KAFKA, …_POSTGRES and …_REDIS replace the embedded server.
        known: the stack's secrets; a setting of the same name goes first.
        progress: told how the download of the broker's jars goes.

    Raises:
        PortTaken: a port was asked for by its setting and is in use.
    """
    plan, ports = Plan(), _Announcing(Ports(), environment)
    given = {name: value for name, value in environment.items() if name.startswith("LEADSTREAM_") and value}
    plan.env = {"LEADSTREAM_DATA": str(options.data_dir), **known} | given
    plan.env["LEADSTREAM_DATA"] = str(options.data_dir)
    _plan_servers(plan, options.data_dir, ports, progress)
    for index in range(options.workers):
        for service, base in HTTP_PORTS.items():
            plan.workers.append(Worker(service, index, _http_port(service, index, base, ports)))
    plan.notices = ports.notices
    return plan


def _plan_servers(plan: Plan, data_dir: Path, ports: _Announcing, progress: jars.Progress | None) -> None:
    env = plan.env
    if "LEADSTREAM_KAFKA" not in env:
        port = ports.choose("LEADSTREAM_KAFKA_PORT", KAFKA_PORT, "Kafka")
        kafka = Kafka(data_dir, port, ports.quietly_near(port + 1), progress)
        plan.servers.append(kafka)
        env["LEADSTREAM_KAFKA"] = kafka.address
    if "LEADSTREAM_POSTGRES" not in env:
        port = ports.choose("LEADSTREAM_POSTGRES_PORT", POSTGRES_PORT, "Postgres")
        postgres = Postgres(data_dir, port, env["LEADSTREAM_POSTGRES_PASSWORD"])
        plan.servers.append(postgres)
        env["LEADSTREAM_POSTGRES"] = postgres.dsn()
    if "LEADSTREAM_REDIS" not in env:
        port = ports.choose("LEADSTREAM_REDIS_PORT", REDIS_PORT, "Valkey")
        valkey = Valkey(data_dir, port, env["LEADSTREAM_REDIS_PASSWORD"])
        plan.servers.append(valkey)
        env["LEADSTREAM_REDIS"] = valkey.url


def _http_port(service: str, index: int, base: int, ports: _Announcing) -> int:
    preferred = base + WORKER_PORT_STEP * index
    if index == 0:
        return ports.choose(f"LEADSTREAM_{service.upper()}_PORT", preferred, service, WORKER_PORT_STEP)
    return ports.quietly_near(preferred, WORKER_PORT_STEP)


class _Announcing:
    """Ports, with a sentence for each that is not the usual one."""

    def __init__(self, ports: Ports, environment: Mapping[str, str]) -> None:
        self._ports, self._environment = ports, environment
        self.notices: list[str] = []

    def choose(self, setting: str, preferred: int, what: str, step: int = 1) -> int:
        named = self._environment.get(setting)
        choice = self._ports.exactly(_port(setting, named), setting, what) if named else None
        choice = choice or self._ports.near(preferred, step)
        if choice.moved:
            self.notices.append(_moved(choice, what, setting))
        return choice.port

    def quietly_near(self, preferred: int, step: int = 1) -> int:
        return self._ports.near(preferred, step).port


def _port(setting: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise EmbeddedError(f"{setting} is {value!r}, which is no port. Give a number from 1 to 65535.")
    return int(value)


def _moved(choice: Choice, what: str, setting: str) -> str:
    return f"Port {choice.preferred} is taken: {what} listens on {choice.port} ({setting} chooses another)."
