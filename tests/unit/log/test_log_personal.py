"""Events without their personal parts."""

from __future__ import annotations

import orjson
import pytest

from log.personal import without_personal
from schemas.base import Event
from schemas.topics import BY_NAME, Topic
from tests.support import story


@pytest.mark.parametrize(
    ("topic", "event"), [*story.STORY, *story.ELSEWHERE], ids=lambda value: getattr(value, "type", "")
)
def test_an_event_without_its_personal_parts_is_still_an_event(topic: Topic, event: Event) -> None:
    document = without_personal(orjson.loads(event.to_json()))
    text = orjson.dumps(document).decode()
    assert not [secret for secret in story.SECRETS if secret in text]
    assert BY_NAME[topic.name].decode(text.encode()).id == event.id


def test_what_is_not_personal_stays() -> None:
    event = orjson.loads(story.assigned().to_json())
    kept = without_personal(event)
    assert kept == {**event, "data": {**event["data"], "person": {}}}
    assert event["data"]["person"]["email"] == "ada@example.com", "the original is left alone"


def test_a_dead_letter_keeps_what_decoding_says() -> None:
    assert without_personal(orjson.loads(story.dead("decode").to_json()))["data"]["detail"] == "data.origin: missing"
