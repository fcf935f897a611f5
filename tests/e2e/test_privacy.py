"""What people write stays in the topics and the database: no log, metric or status tells it, whatever fails."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from infra.partitioner import partition_of
from schemas.topics import PARTITIONS, TOPICS
from tests.support.running import Running
from tests.support.waiting import until

TOKEN = uuid.uuid4().hex[:12]
NUMBER = f"{uuid.uuid4().int % 10**8:08d}"
EMAIL, NAME = f"wilhelmina{TOKEN}@privat{TOKEN}.example", f"Wilhelmina-{TOKEN} Brightwater-{TOKEN}"
PHONE, MESSAGE = f"+49 30 {NUMBER}", f"my secret is {TOKEN} and my number {NUMBER}"
MARKS = (TOKEN, NUMBER)
"""One of them is in everything that the test's people write."""


def person(**more: Any) -> dict[str, Any]:
    return {"email": EMAIL, "name": NAME, "phone": PHONE, "message": MESSAGE, **more}


def incompressible(length: int) -> str:
    return TOKEN + "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(length - len(TOKEN)))


REFUSED: list[tuple[str, Any]] = [
    ("/v1/leads", person(unknown_field=MESSAGE)),
    ("/v1/leads", person(**{f"field of {NAME}": 1})),
    ("/v1/leads", {"person": {"answers": {f"\x00{EMAIL}": 5}}}),
    ("/v1/leads", {"email": f"{EMAIL} and {PHONE}", "name": [NAME]}),
    ("/v1/leads", person(id=incompressible(1_000))),
    ("/v1/leads", {"name": NAME, "message": MESSAGE}),
    ("/v1/leads:batch", [person(mode=MESSAGE), {"email": MESSAGE}, 7, NAME]),
    ("/v1/signals", {"email": f"nobody-{EMAIL}", "signal": "page_view", "detail": MESSAGE}),
    ("/v1/signals", {"email": EMAIL, "signal": MESSAGE}),
    ("/v1/outcomes", {"phone": f"{PHONE}99", "outcome": "lost", "reason": MESSAGE}),
    ("/v1/touches", {"email": EMAIL, "channel": MESSAGE, "body": MESSAGE}),
]


def send_what_is_refused(stack: Running) -> None:
    with stack.client() as client:
        for path, body in REFUSED:
            status = client.post(path, json=body).status_code
            assert status == 207 or 400 <= status < 500, (path, status)
        for body in (b'{"email": "' + EMAIL.encode(), MESSAGE.encode() * 50_000, b"\xff\xfe" + NAME.encode()):
            answer = client.post("/v1/leads", content=body, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500
        form = {**person(), "_key": stack.env["LEADSTREAM_FORM_KEY"], "_gotcha": MESSAGE}
        assert client.post("/v1/leads", data=form).status_code == 200
        assert (
            client.post("/v1/leads", data={**form, "_gotcha": "", "email": MESSAGE, "phone": NAME}).status_code == 422
        )
        files = {"cv": (f"{NAME}.pdf", MESSAGE.encode())}
        assert client.post("/v1/leads", data=form, files=files).status_code == 422
    with httpx.Client(trust_env=False) as stranger:
        for worker in stack.workers.values():
            for path in (f"/v1/leads?email={EMAIL}", f"/{NAME}", f"/v1/leads/{TOKEN}"):
                assert stranger.request("GET", worker + path, headers={"X-Name": NAME}).status_code in (401, 404, 405)
    for worker in stack.workers.values():
        asyncio.run(_talk_nonsense(urlsplit(worker).port or 0))


async def _talk_nonsense(port: int) -> None:
    for line in (f"GET /?email={EMAIL} HTTP/9.9", f"{NAME} / HTTP/1.1", f"POST /v1/leads HTTP/1.1\r\n{NAME}: \x00"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line.encode() + b"\r\n\r\n")
        await asyncio.wait_for(reader.read(), 10)
        writer.close()


def write_junk(stack: Running) -> None:
    """Straight into the topics: half an event, and every event's own shape with a person's words in the wrong place."""
    asyncio.run(_write_junk(stack.env["LEADSTREAM_KAFKA"]))


async def _write_junk(kafka: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        for topic in TOPICS:
            for event in (*topic.events, None):
                kind = event.TYPES[0] if event else EMAIL
                junk = {"type": kind, "subject": TOKEN, "time": MESSAGE, "data": {NAME: MESSAGE, "person": EMAIL}}
                for value in (json.dumps(junk).encode(), MESSAGE.encode()):
                    partition = partition_of(TOKEN.encode(), PARTITIONS) if topic.partitions == PARTITIONS else 0
                    await producer.send_and_wait(
                        topic.name, value, key=EMAIL.encode(), partition=partition, headers=[(NAME, MESSAGE.encode())]
                    )
    finally:
        await producer.stop()


def import_a_list(stack: Running, folder: Path) -> None:
    table = folder / "leads.csv"
    table.write_text(f"Name;E-Mail;Phone\n{NAME};{EMAIL};{PHONE}\n{NAME};{MESSAGE};x\n", encoding="utf-8")
    environment = {**os.environ, **stack.env, "LEADSTREAM_DATA": str(stack.data)}
    command = [sys.executable, "-m", "cli.main", "import", str(table), "--json"]
    subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert (folder / "leads.csv.rejects.csv").exists(), list(folder.iterdir())


def restart_postgres(stack: Running) -> None:
    """As an operator might, in the middle of things. What is refused meanwhile, the sender sends again."""
    pid = int((stack.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGINT)
    with stack.client() as client:

        def accepted() -> bool:
            return client.post("/v1/leads", json=person(id=f"again-{TOKEN}")).status_code == 202

        until(accepted, "leads are accepted again", 60)


def everything_is_ready(stack: Running) -> bool:
    def ready(url: str) -> bool:
        try:
            return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    return all(ready(url) for url in stack.workers.values())


def told(stack: Running) -> Iterator[tuple[str, str]]:
    """All that is told outside the topics and the database, by where."""
    for log in (stack.data / "logs").iterdir():
        yield log.name, log.read_text(encoding="utf-8", errors="replace")
    for name, url in stack.workers.items():
        for path in ("/metrics", "/readyz", "/healthz"):
            yield f"{name}{path}", httpx.get(url + path, trust_env=False).text


@pytest.fixture(scope="module")
def after_it_all(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Running:
    with running.client() as client:
        answer = client.post("/v1/leads", json=person(company="Brightwater", title="CEO"))
    assert answer.status_code == 202, answer.text
    lead = answer.json()["lead_id"]
    send_what_is_refused(running)
    write_junk(running)
    import_a_list(running, tmp_path_factory.mktemp("import"))
    restart_postgres(running)
    with running.client() as client:
        assert client.post("/v1/signals", json={"email": EMAIL, "signal": "demo_request"}).status_code == 202
    until(lambda: everything_is_ready(running), "every service is ready again", 60)

    def known() -> bool:
        with running.client("metrics-0", "ADMIN") as client:
            answer = client.get(f"/v1/leads/{lead}")
        return answer.status_code == 200 and answer.json()["signals"] >= 1

    until(known, "the lead's last signal has gone through", 60)
    return running


def test_what_people_write_is_told_nowhere(after_it_all: Running) -> None:
    told_by = [(place, mark) for place, text in told(after_it_all) for mark in MARKS if mark in text]
    assert told_by == []


def test_no_secret_is_told_and_none_stands_in_a_command_line(after_it_all: Running) -> None:
    secrets = {name: value for name, value in after_it_all.env.items() if name.endswith(("_TOKEN", "_PASSWORD"))}
    assert len(secrets) >= 4
    lines = [(f"process {pid}", line) for pid, line in command_lines()]
    told_by = [
        (place, name)
        for place, text in [*told(after_it_all), *lines]
        for name, value in secrets.items()
        if value in text
    ]
    assert told_by == []


def command_lines() -> Iterator[tuple[str, str]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.parent.name, path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
            continue


def test_the_test_would_notice(after_it_all: Running) -> None:
    log = after_it_all.data / "logs" / "noticed.log"
    log.write_text(f"refused {EMAIL}\n")
    try:
        assert ("noticed.log", f"refused {EMAIL}\n") in list(told(after_it_all))
    finally:
        log.unlink()
