"""Topics without orphans: each is written, read and shown, by services that agree."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from runtime.stage import Stage
from schemas.event_schemas import event_types
from schemas.generate import FOLDER
from schemas.topics import ALL_SERVICES, BY_NAME, COMMANDS, DEAD, ERASED, KEYS, POLICIES, TOPICS, Topic

SERVICES = ("capture", *ALL_SERVICES)
NOT_USED_YET = (KEYS,)
"""Nobody writes data keys while personal data is plain; it has no events, and this exception ends when it gets one."""
READ_BY_THE_RUNTIME = {DEAD.name, POLICIES.name, COMMANDS.name, ERASED.name}
IN_USE = [topic for topic in TOPICS if topic not in NOT_USED_YET]


def stages() -> Iterator[type[Stage[object]]]:  # type: ignore[type-var]  # any stage, whatever its state
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.stage")
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, Stage) and found.__module__ == module.__name__:
                yield found


@pytest.mark.parametrize("topic", IN_USE, ids=lambda topic: topic.name)
def test_a_topic_is_written_read_and_shown(topic: Topic) -> None:
    assert topic.events
    assert topic.producers
    assert topic.consumers
    assert list((FOLDER / "examples" / topic.name / "valid").glob("*.json"))


@pytest.mark.parametrize("topic", NOT_USED_YET, ids=lambda topic: topic.name)
def test_a_topic_not_in_use_carries_no_events(topic: Topic) -> None:
    assert topic.events == ()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_who_writes_and_reads_a_topic_is_a_part_of_leadstream(topic: Topic) -> None:
    assert {*topic.producers, *topic.consumers} <= {*SERVICES, "cli"}


@pytest.mark.parametrize("stage", list(stages()), ids=lambda stage: stage.name)
def test_a_stage_reads_and_writes_what_the_topics_say(stage: type[Stage[object]]) -> None:  # type: ignore[type-var]
    reads = {topic.name for topic in TOPICS if stage.name in topic.consumers} - READ_BY_THE_RUNTIME
    writes = {topic.name for topic in TOPICS if stage.name in topic.producers} - {DEAD.name}
    assert {topic.name for topic in stage.inputs} - READ_BY_THE_RUNTIME == reads
    if stage.name != "capture":  # its HTTP workers write what its stage doesn't
        assert {topic.name for topic in stage.outputs} - {DEAD.name} == writes


def test_topics_and_event_types_have_one_name_each() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert len(event_types()) == sum(len(model.TYPES) for topic in TOPICS for model in topic.events)


@pytest.mark.parametrize("event_type", list(event_types()))
def test_an_event_type_is_named_after_us_and_its_version(event_type: str) -> None:
    product, *_, version = event_type.split(".")
    assert product == "leadstream"
    assert version[0] == "v"
    assert version[1:].isdigit()


def test_every_topic_about_leads_has_as_many_partitions() -> None:
    assert {topic.partitions for topic in TOPICS if topic is not POLICIES} == {12}
