"""What the doctor thinks of what it sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.doctor.checks import Finding, findings
from cli.doctor.command import as_table
from cli.doctor.facts import Behind, KafkaFacts, PostgresFacts, RedisFacts, SchemaFacts, ServiceFacts, StackFacts
from cli.output import out
from infra.setup import SERVICES
from log.lag import TopicState
from log.policies import PublishedPolicy
from runtime.inspect import SchemaState
from schemas.topics import TOPICS, Topic
from tests.support import story
from tests.support.harness import POLICY

NOW = story.at(1_000)
POLICY_PUBLISHED = PublishedPolicy(story.published(POLICY.version, POLICY.to_json()), POLICY)


def state(topic: Topic, **fields: Any) -> TopicState:
    count = topic.partitions
    well: dict[str, Any] = {
        "partitions": count,
        "settings": dict(topic.settings),
        "begins": dict.fromkeys(range(count), 0),
        "ends": dict.fromkeys(range(count), 5),
    }
    return TopicState(topic, **{**well, **fields})


GOOD_STATE = SchemaState(role=True, schema=True, applied={"runtime/1.sql": "a"})
GOOD_SCHEMA = SchemaFacts(GOOD_STATE, expected={"runtime/1.sql": "a"})
GOOD = StackFacts(
    now=NOW,
    stack_time=NOW,
    kafka_address="kafka:9092",
    partitions=12,
    kafka=KafkaFacts(brokers=1, topics=tuple(state(topic) for topic in TOPICS), policies=(POLICY_PUBLISHED,)),
    postgres=PostgresFacts(version=180_001, skew=0.01, schemas=dict.fromkeys(SERVICES, GOOD_SCHEMA)),
    redis=RedisFacts(version="9.0.1"),
    services={name: ServiceFacts(f"http://127.0.0.1/{name}", ready=True) for name in SERVICES},
    logs="/data/logs",
)


def kafka(**fields: Any) -> StackFacts:
    return replace(GOOD, kafka=replace(GOOD.kafka, **fields))


def postgres(**fields: Any) -> StackFacts:
    return replace(GOOD, postgres=replace(GOOD.postgres, **fields))


def schema(**fields: Any) -> StackFacts:
    return postgres(
        schemas={**GOOD.postgres.schemas, "score": replace(GOOD_SCHEMA, state=replace(GOOD_STATE, **fields))}
    )


def one_topic(**fields: Any) -> StackFacts:
    return kafka(topics=(state(TOPICS[0], **fields), *GOOD.kafka.topics[1:]))


def service(**fields: Any) -> StackFacts:
    return replace(GOOD, services={**GOOD.services, "score": ServiceFacts("http://127.0.0.1:1", **fields)})


def behind(**fields: Any) -> StackFacts:
    usual: dict[str, Any] = {"records": 7, "since": NOW - timedelta(minutes=5)}
    return replace(GOOD, behind=(Behind("score", "leads.enriched", 3, **{**usual, **fields}),))


def test_a_healthy_stack_is_found_healthy() -> None:
    assert [finding for finding in findings(GOOD) if finding.level != "ok" or finding.fix] == []
    assert {finding.check for finding in findings(GOOD)} == {
        "Kafka", "topics", "Postgres", "clock", "schemas", "Redis", "policy", *SERVICES, "gaps", "lag", "dead letters",
    }  # fmt: skip


ILLS: list[tuple[StackFacts, str, str, str, str]] = [
    (kafka(error="refused"), "Kafka", "problem", "kafka:9092 does not answer: refused", "LEADSTREAM_KAFKA"),
    (one_topic(partitions=0), "topics", "problem", "leads.captured is missing", "python -m infra.setup"),
    (one_topic(partitions=8), "topics", "problem", "has 8 partitions, not 12", "LEADSTREAM_PARTITIONS=8"),
    (
        one_topic(settings={"retention.ms": "604800000", "cleanup.policy": "delete"}),
        "topics",
        "problem",
        "leads.captured has retention.ms=604800000, not -1",
        "--entity-name leads.captured --alter --add-config retention.ms=-1",
    ),
    (postgres(error="refused"), "Postgres", "problem", "does not answer: refused", "LEADSTREAM_POSTGRES"),
    (postgres(version=160_004), "Postgres", "problem", "PostgreSQL 16.4", "upgrade to PostgreSQL 17"),
    (postgres(skew=2.0), "clock", "warning", "2 s ahead of this machine's", "NTP"),
    (postgres(skew=-60.0), "clock", "problem", "1 min behind this machine's", "NTP"),
    (schema(role=False), "schemas", "problem", "score has no role", "infra.setup"),
    (schema(role=False, schema=False), "schemas", "problem", "score has no role and no schema", "infra.setup"),
    (schema(applied={}), "schemas", "problem", "score lacks the migrations runtime/1.sql", "infra.setup"),
    (schema(applied={"runtime/1.sql": "b"}), "schemas", "problem", "edited after it was applied", "new migration"),
    (
        schema(applied={"runtime/1.sql": "a", "runtime/2.sql": "b"}),
        "schemas",
        "warning",
        "migrations this release does not know: runtime/2.sql",
        "newer",
    ),
    (schema(foreign=("capture",)), "schemas", "problem", "score's role can use capture", "revoke usage on schema"),
    (schema(paused=True), "paused", "warning", "score is paused", "leadstream resume score"),
    (replace(GOOD, redis=RedisFacts(error="refused")), "Redis", "problem", "refused", "LEADSTREAM_REDIS"),
    (replace(GOOD, redis=RedisFacts(version="6.2.1")), "Redis", "warning", "version 6.2.1", "upgrade to 7"),
    (kafka(policies=()), "policy", "problem", "none is published", "leadstream policy publish policy.yaml"),
    (
        kafka(policies=(POLICY_PUBLISHED, PublishedPolicy(story.published("future"), None))),
        "policy",
        "warning",
        "can't use future",
        "every worker",
    ),
    (service(reason="paused by an operator"), "score", "problem", "paused by an operator", "leadstream resume score"),
    (service(reason="no policy is published"), "score", "problem", "no policy", "leadstream policy publish"),
    (service(reason="waiting for a server: X"), "score", "problem", "waiting for a server", "by itself"),
    (service(reason="x jumps from sequence 1 to 3"), "score", "problem", "jumps from", "see the gap below"),
    (service(reason="does not answer"), "score", "problem", "does not answer", "look at /data/logs/score-0.log"),
    (
        replace(GOOD, services={**GOOD.services, "score": ServiceFacts()}),
        "score",
        "unknown",
        "not asked",
        "LEADSTREAM_SCORE_URL",
    ),
    (
        behind(),
        "lag",
        "problem",
        "score has not read 7 records of leads.enriched, the oldest from 5 min ago",
        "start more workers",
    ),
    (
        behind(gap="enrich@1 jumps from sequence 4 to 6"),
        "gaps",
        "problem",
        "score stands at a gap in leads.enriched/3: enrich@1 jumps from sequence 4 to 6",
        "leadstream accept-gap score leads.enriched 3",
    ),
    (
        kafka(dead=(story.dead(),)),
        "dead letters",
        "problem",
        "score set 1 record aside in the last day: keyerror",
        "leadstream dead --since 1d --service score",
    ),
    (
        kafka(dead=(story.dead("decode"),)),
        "dead letters",
        "warning",
        "score could not read 1 record in the last day: malformed",
        "leadstream dead --since 1d --service score",
    ),
]


@pytest.mark.parametrize(("facts", "check", "level", "what", "fix"), ILLS, ids=[ill[3] for ill in ILLS])
def test_an_ill_is_found_with_its_remedy(facts: StackFacts, check: str, level: str, what: str, fix: str) -> None:
    found = [each for each in findings(facts) if each.check == check and each.level == level]
    assert any(what in each.what and fix in each.fix for each in found), found


@pytest.mark.parametrize("facts", [ill[0] for ill in ILLS], ids=[ill[3] for ill in ILLS])
def test_whatever_is_wrong_has_a_fix(facts: StackFacts) -> None:
    assert [each for each in findings(facts) if each.level != "ok" and not each.fix] == []


def test_records_on_their_way_are_no_problem() -> None:
    found = findings(behind(since=NOW - timedelta(seconds=2)))
    assert [each.level for each in found if each.check == "lag"] == ["ok"]
    assert any("7 records on their way" in each.what for each in found)


def test_what_an_operator_paused_is_not_called_late() -> None:
    facts = replace(schema(paused=True), behind=behind().behind)
    assert [each.level for each in findings(facts) if each.check == "lag"] == ["ok"]


def test_a_gap_is_not_told_as_lag_too() -> None:
    assert [each.level for each in findings(behind(gap="a gap")) if each.check == "lag"] == ["ok"]


def test_without_kafka_nothing_is_said_of_what_it_holds() -> None:
    checks = {each.check for each in findings(kafka(error="refused", topics=(), policies=()))}
    assert checks.isdisjoint({"topics", "policy", "gaps", "lag", "dead letters"})


def test_without_postgres_nothing_is_said_of_what_it_holds() -> None:
    checks = {each.check for each in findings(postgres(error="refused", schemas={}))}
    assert checks.isdisjoint({"clock", "schemas", "gaps", "lag"})


def test_findings_are_shown_with_their_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    console = out()
    with console.capture() as captured:
        console.print(as_table([Finding("Kafka", "ok", "1 broker"), Finding("lag", "problem", "late\x1b[2J", "hurry")]))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert lines == ["✓  Kafka  1 broker", "✗  lag    late�[2J", "          → hurry"]
