"""Capture over HTTP, against a real Postgres: what each sender is told, and what is stored."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from infra.clock import ManualClock
from infra.http import build_application
from policy import Policy
from schemas.events import InputRejected, LeadCaptured
from services.capture.http.access import Access
from services.capture.http.api import CaptureApi
from services.capture.intake import Intake
from services.capture.store import eraser
from tests.integration.capture_database import PARTITIONS, Connect, capture_connect, capture_settings, events, running
from tests.unit.capture.capture_cases import NOW, RULES

pytestmark = pytest.mark.stack
__all__ = ["capture_connect", "capture_settings"]

TOKEN = {"Authorization": "Bearer token"}
ADMIN = {"Authorization": "Bearer admin"}
JSON = {**TOKEN, "Content-Type": "application/json"}
FORM = "application/x-www-form-urlencoded"


class Front:
    """A client of the running API, and a look at what it stored."""

    def __init__(self, client: Any, connect: Connect) -> None:
        self.client = client
        self._connect = connect

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        """Posts JSON, with the token."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        answer = await self.client.post(path, data=data, headers={**JSON, **headers})
        return answer.status, await answer.json(content_type=None)

    async def form(self, body: bytes | str, query: str = "", kind: str = FORM, **headers: str) -> ClientResponse:
        """Posts a form."""
        data = body.encode() if isinstance(body, str) else body
        answer: ClientResponse = await self.client.post(
            f"/v1/leads{query}", data=data, headers={"Content-Type": kind, **headers}
        )
        return answer

    async def stored(self, topic: str | None = None) -> list[Any]:
        """The events to be published."""
        return await events(await self._connect(), topic)

    async def rejected(self) -> list[InputRejected]:
        """What was kept of refused input."""
        return [event for event in await self.stored("leads.rejected") if isinstance(event, InputRejected)]


def in_force() -> Policy:
    return cast("Policy", SimpleNamespace(identity=RULES))


@pytest.fixture
async def front(capture_connect: Connect) -> AsyncIterator[Front]:
    intake = Intake(capture_connect, PARTITIONS)
    api = CaptureApi(
        intake,
        Access(["token"], form_keys=["public"], admin_tokens=["admin"]),
        ManualClock(NOW),
        in_force,
        eraser(capture_connect, PARTITIONS),
    )
    async with running(intake), TestClient(TestServer(build_application(lambda: "", api.routes()))) as client:
        yield Front(client, capture_connect)


async def test_a_lead_is_accepted_and_its_sender_told_its_ids(front: Front) -> None:
    status, told = await front.post("/v1/leads", {"email": "ada@example.com", "name": "Ada"})
    (event,) = await front.stored()
    assert isinstance(event, LeadCaptured)
    assert status == 202
    assert told == {
        "lead_id": event.subject,
        "submission_id": event.data.origin.submission_id,
        "new": True,
        "trace": event.traceparent[3:35],
    }


async def test_a_repeat_with_the_same_key_gives_the_same_ids(front: Front) -> None:
    first = await front.post("/v1/leads", {"email": "ada@example.com"}, **{"Idempotency-Key": "k-1"})
    again = await front.post("/v1/leads", {"email": "ada@example.com"}, **{"Idempotency-Key": "k-1"})
    assert again == (202, {**first[1], "new": False, "duplicate": True})
    assert len(await front.stored()) == 1


async def test_facts_find_the_lead_and_unknown_leads_are_said_so(front: Front) -> None:
    _, lead = await front.post("/v1/leads", {"email": "ada@example.com", "external_ids": {"crm": "7"}})
    for path, fact in (
        ("/v1/signals", {"email": "Ada@example.com", "signal": "pricing_visit"}),
        ("/v1/outcomes", {"lead_id": lead["lead_id"], "outcome": "contacted"}),
        ("/v1/touches", {"external_ids": {"crm": "7"}, "channel": "call"}),
    ):
        status, told = await front.post(path, fact)
        assert (status, told["lead_id"]) == (202, lead["lead_id"])
    status, told = await front.post("/v1/signals", {"email": "bob@example.com", "signal": "call"})
    assert (status, told["type"]) == (404, "urn:leadstream:problem:unknown_lead")
    (kept,) = await front.rejected()
    assert (kept.data.reason, kept.subject) == ("unknown_lead", told["submission_id"])


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads:batch", "/v1/signals", "/v1/touches", "/v1/erasures"])
@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer public", "Basic token"])
async def test_without_the_token_nothing_is_stored(front: Front, path: str, authorization: str) -> None:
    status, _ = await front.post(path, {"email": "ada@example.com"}, Authorization=authorization)
    assert status == 401
    assert await front.stored() == []


BAD_BODIES = [
    (b"", {}, 400, "empty"),
    (b"{", {}, 400, "malformed_json"),
    (b'{"name": "a\x00"}', {}, 400, "malformed_json"),
    (b'{"name": "\\udc00"}', {}, 400, "malformed_json"),
    (b'{"email": "ada@example.com", "name": "\\u0000"}', {}, 422, "invalid_fields"),
    ('{"email": "zoë@example.com"}'.encode("latin-1"), {}, 400, "wrong_charset"),
    (b"{}", {"Content-Type": "application/json; charset=utf-16"}, 415, "wrong_charset"),
    (b"email=ada@example.com", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
    (b"{}", {"Content-Type": ""}, 415, "unsupported_media_type"),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, {}, 400, "malformed_json"),
    (b'{"a":' * 500 + b"1" + b"}" * 500, {}, 400, "too_deep"),
    (b'{"name": "nobody"}', {}, 422, "no_identity"),
    (b"[]", {}, 422, "invalid_fields"),
    (b'{"email": "ada@example.com", "emial": 1}', {}, 422, "invalid_fields"),
    (b'{"email": "ada@example.com"}', {"Idempotency-Key": "x" * 201}, 400, "invalid_idempotency_key"),
]


@pytest.mark.parametrize(("body", "headers", "status", "reason"), BAD_BODIES)
async def test_bad_input_is_refused_with_its_reason_and_kept_with_its_bytes(
    front: Front, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answered, told = await front.post("/v1/leads", body, **headers)
    assert (answered, told["type"]) == (status, f"urn:leadstream:problem:{reason}")
    (kept,) = await front.rejected()
    assert (kept.data.reason, kept.data.body, kept.subject) == (reason, body, told["submission_id"])
    assert "authorization" not in kept.data.headers
    assert len(await front.stored()) == 1


async def test_wrong_fields_are_pointed_at(front: Front) -> None:
    _, told = await front.post("/v1/leads", {"email": 5, "company": {"size": 3}})
    assert {error["pointer"] for error in told["errors"]} == {"/email", "/company/size"}


@pytest.mark.parametrize(
    ("path", "size"), [("/v1/leads", 1_048_577), ("/v1/leads", 10_000_000), ("/v1/leads:batch", 10_000_000)]
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused_and_its_beginning_kept(
    front: Front, path: str, size: int, *, chunked: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(0, size, 65_536):
            yield b"x" * 65_536

    body = pieces() if chunked else BytesIO(b"x" * size)
    answer = await front.client.post(path, data=body, headers=JSON)
    assert answer.status == 413
    (kept,) = await front.rejected()
    assert (kept.data.reason, len(kept.data.body)) == ("too_large", 65_536)
    status, _ = await front.post("/v1/leads", {"email": "ada@example.com"})
    assert status == 202


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(front: Front) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    answer = await front.client.post("/v1/leads", data=bomb, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status == 413


async def test_a_compressed_lead_is_read(front: Front) -> None:
    packed = gzip.compress(b'{"email": "ada@example.com"}')
    answer = await front.client.post("/v1/leads", data=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status == 202


async def test_broken_compression_is_a_bad_request(front: Front) -> None:
    answer = await front.client.post("/v1/leads", data=b"not gzip at all", headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status == 400


async def test_a_batch_tells_what_became_of_each_item(front: Front) -> None:
    batch = [{"email": "ada@example.com"}, {"emial": "x"}, 7, {"email": "ADA@example.com"}]
    status, told = await front.post("/v1/leads:batch", batch)
    assert status == 207
    assert [result["status"] for result in told["results"]] == [202, 422, 422, 202]
    assert (told["accepted"], told["refused"]) == (2, 2)
    assert told["results"][0]["lead_id"] == told["results"][3]["lead_id"]
    kept = await front.rejected()
    assert [orjson.loads(each.data.body) for each in kept] == [{"emial": "x"}, 7]


async def test_a_batch_may_stand_in_an_object_and_is_idempotent_as_a_whole(front: Front) -> None:
    batch = {"leads": [{"email": f"p{n}@example.com"} for n in range(100)]}
    first = await front.post("/v1/leads:batch", batch, **{"Idempotency-Key": "b-1"})
    again = await front.post("/v1/leads:batch", batch, **{"Idempotency-Key": "b-1"})
    assert (first[0], again[0]) == (202, 202)
    assert [r["lead_id"] for r in first[1]["results"]] == [r["lead_id"] for r in again[1]["results"]]
    assert len(await front.stored()) == 100


@pytest.mark.parametrize("batch", [[], [{}] * 101, {"leads": {}}, {"people": []}, "x", {"leads": [], "x": 1}])
async def test_a_batch_of_the_wrong_shape_is_refused_whole(front: Front, batch: Any) -> None:
    status, _ = await front.post("/v1/leads:batch", batch)
    assert status == 422
    (kept,) = await front.rejected()
    assert orjson.loads(kept.data.body) == batch


async def test_signals_come_in_batches_too(front: Front) -> None:
    await front.post("/v1/leads", {"email": "ada@example.com"})
    batch = {
        "signals": [{"email": "ada@example.com", "signal": "page_view"}, {"email": "bob@example.com", "signal": "call"}]
    }
    status, told = await front.post("/v1/signals:batch", batch)
    assert (status, [result["status"] for result in told["results"]]) == (207, [202, 404])


async def test_a_form_with_its_key_gets_a_page_or_json(front: Front) -> None:
    person = await front.form("email=ada@example.com&shoe=38", "?key=public", Accept="text/html,*/*")
    program = await front.form("email=ada@example.com&_key=public", Accept="application/json")
    assert (person.status, person.content_type, program.status) == (200, "text/html", 202)
    assert "Thank you" in await person.text()
    assert (await program.json())["new"] is False
    first, second = await front.stored("leads.captured")
    assert first.data.origin.channel == "web_form"
    assert first.data.person.answers == {"shoe": "38"}
    assert second.data.person.answers == {}


async def test_a_multipart_form_is_taken(front: Front) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n--b--\r\n'
    assert (await front.form(body, "?key=public", kind="multipart/form-data; boundary=b")).status == 200


@pytest.mark.parametrize("body", ["email=ada@example.com", "email=ada@example.com&_key=wrong", "", "a=%FF", "_key="])
@pytest.mark.parametrize("query", ["", "?key=", "?key=token", "?key=%FF"])
async def test_a_form_without_its_key_is_not_stored(front: Front, body: str, query: str) -> None:
    answer = await front.form(body, query)
    assert answer.status == 401
    assert await front.stored() == []


@pytest.mark.parametrize("body", ["", "name=", "name=Ada", "email=%FF", "email=nobody", '{"email": "ada@example.com"}'])
async def test_a_form_that_can_not_be_taken_says_why_and_is_kept(front: Front, body: str) -> None:
    person = await front.form(body, "?key=public")
    program = await front.form(body, "?key=public", Accept="application/json")
    assert (person.status, person.content_type) == (program.status, "text/html")
    assert 400 <= program.status < 500
    assert (await program.json(content_type=None))["detail"]
    assert [kept.data.body for kept in await front.rejected()] == [body.encode()] * 2


async def test_a_page_repeats_nothing_that_was_typed(front: Front) -> None:
    answer = await front.form("email=<script>alert(1)</script>&<b>=1", "?key=public")
    assert answer.status == 422
    assert "alert" not in await answer.text()


async def test_a_program_that_fills_in_the_hidden_field_is_thanked_and_set_aside(front: Front) -> None:
    answer = await front.form("email=ada@example.com&_gotcha=spam", "?key=public")
    assert (answer.status, await front.stored("leads.captured")) == (200, [])
    assert [kept.data.reason for kept in await front.rejected()] == ["honeypot"]


async def test_an_administrator_can_erase_a_person(front: Front) -> None:
    _, lead = await front.post("/v1/leads", {"email": "ada@example.com"})
    refused, _ = await front.post("/v1/erasures", {"email": "ada@example.com"})
    status, told = await front.post("/v1/erasures", {"email": "ADA@example.com"}, **ADMIN)
    gone, _ = await front.post("/v1/erasures", {"email": "ada@example.com"}, **ADMIN)
    assert (refused, status, gone) == (401, 202, 404)
    assert told == {"erased": [lead["lead_id"]]}
    assert [event.subject for event in await front.stored("leads.erased")] == [lead["lead_id"]]


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"email": "x"}', b'{"name": "ada"}'])
async def test_a_request_to_erase_that_can_not_be_read_is_not_kept(front: Front, body: bytes) -> None:
    status, _ = await front.post("/v1/erasures", body, **ADMIN)
    assert 400 <= status < 500
    assert await front.stored() == []


async def test_while_no_policy_is_published_senders_are_asked_to_come_back(capture_connect: Connect) -> None:
    def none_yet() -> Policy:
        raise LookupError("no policy is published")

    intake, erase = Intake(capture_connect, PARTITIONS), eraser(capture_connect, PARTITIONS)
    api = CaptureApi(intake, Access(["token"]), ManualClock(NOW), none_yet, erase)
    async with TestClient(TestServer(build_application(lambda: "", api.routes()))) as client:
        answer = await client.post("/v1/leads", json={"email": "ada@example.com"}, headers=TOKEN)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
