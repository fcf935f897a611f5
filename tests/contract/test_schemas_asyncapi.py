"""The AsyncAPI document is one, and says what topics.py says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from schemas.event_schemas import event_types
from schemas.generate import FOLDER
from schemas.topics import TOPICS, Topic

SPECIFICATION = Path(__file__).parent / "asyncapi-3.0.0.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(FOLDER / "asyncapi.yaml")
    return loaded


def complaints(document: dict[str, Any]) -> list[str]:
    validator = Draft7Validator(json.loads(SPECIFICATION.read_text()))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_the_document_keeps_to_the_specification(document: dict[str, Any]) -> None:
    assert complaints(document) == []


@pytest.mark.parametrize(
    ("part", "wrong"),
    [("info", {"title": "Leadstream"}), ("chanels", {}), ("operations", {"a": {"action": "sing", "channel": {}}})],
)
def test_the_specification_refuses_what_is_wrong(document: dict[str, Any], part: str, wrong: dict[str, Any]) -> None:
    assert complaints({**document, part: wrong})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (inner for name, inner in value.items() if name == "$ref")
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(_references(document))
    assert references
    for reference in references:
        path, _, pointer = reference.partition("#")
        if path:
            assert (FOLDER / path).is_file(), reference
            continue
        found: Any = document
        for part in pointer.strip("/").split("/"):
            assert part in found, reference
            found = found[part]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_channel_says_what_the_topic_is(topic: Topic, document: dict[str, Any]) -> None:
    channel = document["channels"][topic.name]
    kafka = channel["bindings"]["kafka"]
    assert channel["address"] == topic.name
    assert (kafka["topic"], kafka["partitions"]) == (topic.name, topic.partitions)
    carried = {f"leadstream.{name}" for name in channel["messages"]}
    assert carried == {name for name, event in event_types().items() if event.topic is topic}


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.events], ids=lambda topic: topic.name)
def test_an_operation_for_everybody_who_writes_and_reads(topic: Topic, document: dict[str, Any]) -> None:
    done = {
        (operation["tags"][0]["name"], operation["action"])
        for operation in document["operations"].values()
        if operation["channel"]["$ref"] == f"#/channels/{topic.name}"
    }
    assert done == {(service, "send") for service in topic.producers} | {(s, "receive") for s in topic.consumers}
