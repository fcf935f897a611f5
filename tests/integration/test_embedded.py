"""The embedded servers: durable, restartable after a kill, and gone when we are."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local.embedded.errors import EmbeddedError, PortTaken, ServerNotReady
from local.embedded.ports import LOOPBACK, Ports
from local.embedded.stack import NAMES, EmbeddedStack
from tests.support.children import started
from tests.support.tiny_stack import assert_all_gone

START_AND_HOLD = """
import sys
from local.embedded.stack import EmbeddedStack, NAMES
stack = EmbeddedStack().start()
print(*(stack.pid(name) for name in NAMES), stack.data_dir, flush=True)
sys.stdin.read()
"""


async def _write(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def _read_first(bootstrap: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), 20)
        value: bytes | None = record.value
        return value


async def test_an_acknowledged_record_outlives_a_killed_broker(breakable_stack: EmbeddedStack) -> None:
    topic, address = f"t{uuid.uuid4().hex}", breakable_stack.kafka.address
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 12, 1)])
    await admin.close()
    await _write(address, topic, b"before the kill")
    await asyncio.to_thread(breakable_stack.restart, "kafka")
    assert await _read_first(address, topic) == b"before the kill"
    await _write(address, topic, b"after it")


def test_topics_do_not_reserve_the_disk_for_their_indexes(breakable_stack: EmbeddedStack) -> None:
    indexes = list((breakable_stack.kafka.data_dir / "data").glob("[!_]*/*.index"))  # Kafka's own begin with _
    assert indexes
    assert max(path.stat().st_size for path in indexes) <= 1024 * 1024


def test_a_committed_row_outlives_a_killed_postgres(breakable_stack: EmbeddedStack) -> None:
    dsn = breakable_stack.postgres.dsn()
    with psycopg.connect(dsn) as connection:
        connection.execute("create table kept (value text)")
        connection.execute("insert into kept values ('before the kill')")
    breakable_stack.restart("postgres")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select value from kept").fetchall() == [("before the kill",)]


def test_postgres_starts_although_a_stranger_has_the_number_of_its_dead_self(breakable_stack: EmbeddedStack) -> None:
    breakable_stack.kill("postgres")
    pid_file = breakable_stack.postgres.data_dir / "data" / "postmaster.pid"
    first, _, rest = pid_file.read_text().partition("\n")
    assert int(first) > 0
    pid_file.write_text(f"{psutil.Process().pid}\n{rest}")
    breakable_stack.start_again("postgres")
    with psycopg.connect(breakable_stack.postgres.dsn()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_valkey_answers_again_after_a_kill(breakable_stack: EmbeddedStack) -> None:
    breakable_stack.restart("valkey")
    with redis.Redis.from_url(breakable_stack.valkey.url) as client:
        assert client.ping()


def test_nobody_gets_into_postgres_without_the_password(breakable_stack: EmbeddedStack) -> None:
    port = breakable_stack.postgres.port
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://leadstream:guess@{LOOPBACK}:{port}/leadstream", connect_timeout=5)


def test_nobody_gets_into_valkey_without_the_password(breakable_stack: EmbeddedStack) -> None:
    with (
        redis.Redis(host=LOOPBACK, port=breakable_stack.valkey.port) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_servers_listen_on_loopback_only(breakable_stack: EmbeddedStack) -> None:
    for name in NAMES:
        pid = breakable_stack.pid(name)
        listening = [each for each in psutil.Process(pid).net_connections() if each.status == psutil.CONN_LISTEN]
        assert listening
        assert {each.laddr.ip.removeprefix("::ffff:") for each in listening} == {LOOPBACK}


def test_what_holds_secrets_or_leads_is_closed_to_others(breakable_stack: EmbeddedStack) -> None:
    folder = breakable_stack.data_dir
    closed = [folder / "secrets.env", folder / "kafka", folder / "valkey", folder / "postgres" / "data"]
    assert [path.stat().st_mode & 0o044 for path in closed] == [0, 0, 0, 0]


def test_starting_a_running_server_again_is_refused(breakable_stack: EmbeddedStack) -> None:
    with pytest.raises(EmbeddedError, match="runs already"):
        breakable_stack.start_again("valkey")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path)
    with (
        socket.create_server((LOOPBACK, stack.valkey.port)),
        pytest.raises(ServerNotReady, match=r"(?s)valkey .* ended before it answered.*Address already in use"),
    ):
        stack.start()
    assert [stack.pid(name) for name in NAMES] == [None, None, None]


def test_a_port_asked_for_by_name_and_in_use_is_named_with_its_setting(breakable_stack: EmbeddedStack) -> None:
    with pytest.raises(PortTaken, match=rf"{breakable_stack.kafka.port} for Kafka.*LEADSTREAM_KAFKA_PORT"):
        Ports().exactly(breakable_stack.kafka.port, "LEADSTREAM_KAFKA_PORT", "Kafka")


def test_no_server_outlives_a_killed_parent() -> None:
    with started([sys.executable, "-c", START_AND_HOLD], stdin=subprocess.PIPE, stderr=None) as parent:
        assert parent.stdout is not None
        *pids, folder = parent.stdout.readline().split()
        family = [psutil.Process(int(pid)) for pid in pids]
        family += [child for server in family for child in server.children(recursive=True)]
        parent.send_signal(signal.SIGKILL)
    assert_all_gone(family)
    assert Path(folder).exists()
    subprocess.run(["rm", "-rf", folder], check=True)
