"""One lead from web form to owner to first touch, through the real stack with two workers of each service."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.partitioner import partition_of
from schemas.topics import PARTITIONS, TOPICS
from tests.support.running import Running
from tests.support.waiting import until


@pytest.fixture
def stack(running: Running) -> Running:
    return running


def address() -> str:
    return f"{uuid.uuid4().hex[:12]}@acme-{uuid.uuid4().hex[:6]}.example"


def lead(email: str, **more: Any) -> dict[str, Any]:
    return {"email": email, "name": "Grace Hopper", "company": "Acme", "title": "CTO", **more}


def post(stack: Running, path: str, body: Any, worker: str = "capture-0") -> dict[str, Any]:
    with stack.client(worker) as client:
        answer = client.post(path, json=body)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def events_of(stack: Running, lead_id: str) -> dict[str, list[dict[str, Any]]]:
    """All events of one lead, by topic, each once."""
    return asyncio.run(_events_of(stack, lead_id))


async def _events_of(stack: Running, lead_id: str) -> dict[str, list[dict[str, Any]]]:
    key = lead_id.encode()
    tps = [
        TopicPartition(topic.name, partition_of(key, PARTITIONS)) for topic in TOPICS if topic.partitions == PARTITIONS
    ]
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.env["LEADSTREAM_KAFKA"])
    await consumer.start()
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    try:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.key == key:
                        event = json.loads(record.value)
                        found[tp.topic][event["id"]] = event
    finally:
        await consumer.stop()
    return {topic: list(events.values()) for topic, events in found.items()}


def eventually(stack: Running, lead_id: str, topic: str, kind: str, seconds: float = 30.0) -> dict[str, Any]:
    """The lead's first event of this type."""
    matching: list[dict[str, Any]] = []

    def look() -> bool:
        matching[:] = [e for e in events_of(stack, lead_id).get(topic, []) if e["type"] == f"leadstream.{kind}.v1"]
        return bool(matching)

    until(look, f"{kind} of {lead_id} on {topic}", seconds)
    return matching[0]


def test_a_lead_goes_from_form_to_owner_to_first_touch(stack: Running) -> None:
    form = {"email": address(), "name": "Ada Lovelace", "company": "Engines Ltd", "title": "VP Engineering",
            "source": "demo", "_key": stack.env["LEADSTREAM_FORM_KEY"].split(",")[0]}  # fmt: skip
    with httpx.Client(trust_env=False) as browser:
        answer = browser.post(
            f"{stack.workers['capture-0']}/v1/leads", data=form, headers={"Accept": "application/json"}
        )
    assert answer.status_code == 202, answer.text
    lead_id = answer.json()["lead_id"]
    assigned = eventually(stack, lead_id, "leads.assigned", "lead.assigned")
    plan = eventually(stack, lead_id, "leads.touched", "sequence.planned")
    events = events_of(stack, lead_id)
    assert {"leads.captured", "leads.enriched", "leads.scored", "leads.assigned", "leads.touched"} <= events.keys()
    trace = {event["traceparent"][3:35] for topic in events.values() for event in topic}
    assert len(trace) == 1, "one trace follows the lead through all services"
    assert assigned["data"]["reason"]
    assert assigned["policy"]
    assert events["leads.scored"][0]["data"]["reasons"]
    assert all(touch["due_at"] for touch in plan["data"]["touches"])
    assert plan["data"]["touches"]


@pytest.mark.parametrize("same", ["email", "phone"])
def test_the_same_person_at_the_same_instant_on_two_workers_is_one_lead(stack: Running, same: str) -> None:
    number = f"20 7946 {uuid.uuid4().int % 10_000:04d}"
    name = uuid.uuid4().hex[:10]
    people: list[dict[str, Any]]
    if same == "email":
        spellings = [f"{name}@gmail.com", f"{name[:4]}.{name[4:]}+news@gmail.com", f"{name.upper()}@GMAIL.com"]
        people = [{"email": spelling} for spelling in spellings]
    else:
        people = [
            {"phone": f"+44 {number}"},
            {"phone": f"0044{number}"},
            {"phone": f"(0){number}", "company": {"country": "GB"}},
        ]
    people = people * 4
    with ThreadPoolExecutor(12) as pool:
        workers = [f"capture-{n % 2}" for n in range(12)]
        answers = list(pool.map(lambda p, w: post(stack, "/v1/leads", p, w), people, workers))
    assert len({answer["lead_id"] for answer in answers}) == 1
    assert sum(answer["new"] for answer in answers) == 1


def test_the_same_submission_twice_is_one_event(stack: Running) -> None:
    body = lead(address(), id=f"form-{uuid.uuid4().hex}")
    first, second = post(stack, "/v1/leads", body), post(stack, "/v1/leads", body, "capture-1")
    assert first["lead_id"] == second["lead_id"]
    assert first["submission_id"] == second["submission_id"]
    eventually(stack, first["lead_id"], "leads.assigned", "lead.assigned")
    assert len(events_of(stack, first["lead_id"])["leads.captured"]) == 1


def test_history_is_decided_and_touches_nobody(stack: Running) -> None:
    then = (datetime.now(UTC) - timedelta(days=300)).isoformat()
    answer = post(stack, "/v1/leads", lead(address(), mode="history", submitted_at=then))
    live = post(stack, "/v1/leads", lead(address()))
    eventually(stack, answer["lead_id"], "leads.scored", "lead.scored")
    eventually(stack, live["lead_id"], "leads.touched", "sequence.planned")
    assert "leads.touched" not in events_of(stack, answer["lead_id"])


def test_a_signal_raises_the_intent_and_an_outcome_stops_the_touches(stack: Running) -> None:
    email = address()
    answer = post(stack, "/v1/leads", lead(email))
    lead_id = answer["lead_id"]
    before = eventually(stack, lead_id, "leads.scored", "lead.scored")["data"]["intent"]
    post(stack, "/v1/signals", {"email": email, "signal": "pricing_visit", "id": uuid.uuid4().hex})

    def raised() -> bool:
        return any(e["data"]["intent"] > before for e in events_of(stack, lead_id)["leads.scored"])

    until(raised, "the intent is raised", 30)
    eventually(stack, lead_id, "leads.touched", "sequence.planned")
    post(stack, "/v1/outcomes", {"lead_id": lead_id, "outcome": "won", "id": uuid.uuid4().hex})
    eventually(stack, lead_id, "leads.touched", "sequence.stopped")


def test_junk_written_by_a_stranger_is_set_aside_and_the_stream_goes_on(stack: Running) -> None:
    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=stack.env["LEADSTREAM_KAFKA"])
        await producer.start()
        try:
            for topic in TOPICS:
                if topic.name not in ("leads.keys", "leads.commands"):
                    for partition in range(topic.partitions):
                        await producer.send_and_wait(topic.name, b"\xff{junk", key=b"\x00", partition=partition)
        finally:
            await producer.stop()

    asyncio.run(write())
    answer = post(stack, "/v1/leads", lead(address()))
    eventually(stack, answer["lead_id"], "leads.assigned", "lead.assigned")


BAD: list[tuple[str, bytes, str, set[int]]] = [
    ("malformed JSON", b'{"email": ', "application/json", {400}),
    ("not an object", b"[1, 2]", "application/json", {400, 422}),
    ("unknown field", b'{"email": "a@b.example", "emial": "x"}', "application/json", {422}),
    ("wrong type", b'{"email": 7}', "application/json", {422}),
    ("nobody", b'{"name": "No Address"}', "application/json", {422}),
    ("NUL", b'{"email": "a@b.example", "name": "x\\u0000y"}', "application/json", {400, 422}),
    ("lone surrogate", b'{"email": "a@b.example", "name": "\\ud800"}', "application/json", {400, 422}),
    ("wrong charset", b'{"email": "a@b.example", "name": "\xe9"}', "application/json", {400, 415, 422}),
    ("unknown charset", b"{}", "application/json; charset=klingon", {400, 415}),
    ("10 MB", b'{"email": "' + b"a" * 10_000_000 + b'"}', "application/json", {413}),
    ("deep nesting", b'{"email":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "application/json", {400, 422}),
    ("empty", b"", "application/json", {400}),
    ("another type", b"<lead/>", "application/xml", {415}),
]


@pytest.mark.parametrize(("what", "body", "content_type", "expected"), BAD, ids=[case[0] for case in BAD])
def test_bad_input_is_refused_with_a_reason(
    stack: Running, what: str, body: bytes, content_type: str, expected: set[int]
) -> None:
    with stack.client() as client:
        answer = client.post("/v1/leads", content=body, headers={"Content-Type": content_type})
    assert answer.status_code in expected, answer.text
    assert answer.json()["title"]


def test_an_unknown_field_is_named_by_its_pointer(stack: Running) -> None:
    with stack.client() as client:
        answer = client.post("/v1/leads", json={"email": address(), "emial": "x"})
    assert answer.status_code == 422
    assert "/emial" in json.dumps(answer.json())


def test_nothing_unauthenticated_gets_in(stack: Running) -> None:
    with httpx.Client(trust_env=False) as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
            url = f"{stack.workers['capture-0']}/v1/leads"
            assert stranger.post(url, json=lead(address()), headers=headers).status_code == 401
        assert stranger.get(f"{stack.workers['metrics-0']}/v1/funnel").status_code == 401


def test_the_funnel_and_the_slas_follow(stack: Running) -> None:
    answer = post(stack, "/v1/leads", lead(address()))
    eventually(stack, answer["lead_id"], "leads.assigned", "lead.assigned")

    def known() -> bool:
        with stack.client("metrics-0", "ADMIN") as client:
            found = client.get(f"/v1/leads/{answer['lead_id']}")
        return found.status_code == 200 and "assigned" in found.text

    until(known, "the ledger has the assignment", 30)
    assert stack.metrics("/v1/funnel", by="channel")
    assert stack.metrics("/v1/sla", by="band")


def test_an_erased_person_is_gone_everywhere(stack: Running) -> None:
    email = address()
    lead_id = post(stack, "/v1/leads", lead(email))["lead_id"]
    eventually(stack, lead_id, "leads.assigned", "lead.assigned")
    with stack.client(token="ADMIN") as client:
        assert client.post("/v1/erasures", json={"email": email}).status_code in (200, 202)
    eventually(stack, lead_id, "leads.erased", "lead.erased")

    def forgotten() -> bool:
        with stack.client("metrics-0", "ADMIN") as client:
            return client.get(f"/v1/leads/{lead_id}").status_code == 404

    until(forgotten, "the ledger has forgotten the lead", 30)
    again = post(stack, "/v1/leads", lead(email))
    assert again["new"]
    assert again["lead_id"] != lead_id
