"""The checks: what the facts mean and what to do. Pure, so that each can be tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cli.doctor.facts import Behind, SchemaFacts, ServiceFacts, StackFacts
from log.lag import TopicState
from log.policies import in_force
from log.times import describe_duration, format_time

Level = Literal["ok", "unknown", "warning", "problem"]

OLDEST_POSTGRES = 17
OLDEST_REDIS = 7
LATE_SECONDS = 60.0
"""A record that a service has not read for this long means that it stands still."""
SKEW_WARNING, SKEW_PROBLEM = 1.0, 5.0
SET_UP = "python -m infra.setup creates what is missing and changes nothing else"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at.
        what: how it is.
        fix: what to do about it; empty when nothing is wrong.
    """

    check: str
    level: Level
    what: str
    fix: str = ""


def findings(facts: StackFacts) -> list[Finding]:
    """Checks everything, in the order in which it depends on each other."""
    return [
        *_kafka(facts),
        *_postgres(facts),
        _redis(facts),
        *_policy(facts),
        *(_service(facts, name, each) for name, each in facts.services.items()),
        *_paused(facts),
        *_behind(facts),
        *_dead(facts),
    ]


# -- servers -----------------------------------------------------------------------------------------------------------


def _kafka(facts: StackFacts) -> Iterator[Finding]:
    kafka = facts.kafka
    if kafka.error:
        fix = "start it (`leadstream run` for the embedded one), or correct LEADSTREAM_KAFKA"
        yield Finding("Kafka", "problem", f"{facts.kafka_address} does not answer: {kafka.error}", fix)
        return
    yield Finding("Kafka", "ok", f"{facts.kafka_address}, {kafka.brokers} broker{'s' * (kafka.brokers != 1)}")
    wrong = [finding for state in kafka.topics for finding in _topic(facts, state)]
    yield from wrong
    if not wrong:
        events = sum(state.records for state in kafka.topics)
        yield Finding(
            "topics", "ok", f"all {len(kafka.topics)} are there and set as they should be; {_records(events)}"
        )


def _topic(facts: StackFacts, state: TopicState) -> Iterator[Finding]:
    name = state.topic.name
    wanted = 1 if state.topic.partitions == 1 else facts.partitions
    if not state.partitions:
        yield Finding("topics", "problem", f"{name} is missing", SET_UP)
        return
    if state.partitions != wanted:
        yield Finding(
            "topics",
            "problem",
            f"{name} has {state.partitions} partitions, not {wanted}",
            f"set LEADSTREAM_PARTITIONS={state.partitions}, or begin a new generation with another "
            "LEADSTREAM_TOPIC_PREFIX: the number can't change",
        )
    for key, value in state.topic.settings.items():
        if (found := state.settings.get(key)) != value:
            yield Finding(
                "topics",
                "problem",
                f"{name} has {key}={found}, not {value}",
                f"kafka-configs.sh --bootstrap-server {facts.kafka_address} --entity-type topics "
                f"--entity-name {name} --alter --add-config {key}={value}",
            )


def _postgres(facts: StackFacts) -> Iterator[Finding]:
    postgres = facts.postgres
    if postgres.error:
        fix = "start it (`leadstream run` for the embedded one), or correct LEADSTREAM_POSTGRES"
        yield Finding("Postgres", "problem", f"it does not answer: {postgres.error}", fix)
        return
    major, minor = divmod(postgres.version, 10_000)
    if major < OLDEST_POSTGRES:
        fix = f"upgrade to PostgreSQL {OLDEST_POSTGRES} or newer"
        yield Finding("Postgres", "problem", f"it is PostgreSQL {major}.{minor}", fix)
    else:
        yield Finding("Postgres", "ok", f"PostgreSQL {major}.{minor}")
    yield _clock(postgres.skew)
    wrong = [finding for service, schema in postgres.schemas.items() for finding in _schema(service, schema)]
    yield from wrong
    if not wrong:
        yield Finding(
            "schemas", "ok", f"roles, schemas and migrations of {len(postgres.schemas)} services are in place"
        )


def _clock(skew: float) -> Finding:
    ahead = "ahead of" if skew > 0 else "behind"
    what = f"Postgres' clock is {describe_duration(abs(skew))} {ahead} this machine's"
    if abs(skew) < SKEW_WARNING:
        return Finding("clock", "ok", what)
    level: Level = "problem" if abs(skew) >= SKEW_PROBLEM else "warning"
    return Finding(
        "clock", level, what, "let NTP set both clocks (chrony or systemd-timesyncd): deadlines depend on it"
    )


def _schema(service: str, facts: SchemaFacts) -> Iterator[Finding]:
    schema, expected = facts.state, facts.expected
    lacks = [name for name, there in (("role", schema.role), ("schema", schema.schema)) if not there]
    if lacks:
        yield Finding("schemas", "problem", f"{service} has no {' and no '.join(lacks)}", SET_UP)
    elif missing := [name for name in expected if name not in schema.applied]:
        yield Finding("schemas", "problem", f"{service} lacks the migrations {', '.join(missing)}", SET_UP)
    edited = [name for name, digest in schema.applied.items() if expected.get(name, digest) != digest]
    if edited:
        fix = "take the release's own files again; a change to a schema is a new migration"
        yield Finding("schemas", "problem", f"{service}: {', '.join(edited)} was edited after it was applied", fix)
    if newer := [name for name in schema.applied if name not in expected]:
        fix = "run the release that they belong to, or a newer one"
        yield Finding(
            "schemas", "warning", f"{service} has migrations this release does not know: {', '.join(newer)}", fix
        )
    if schema.foreign:
        fix = f"revoke usage on schema {', '.join(schema.foreign)} from {service}'s role"
        yield Finding("schemas", "problem", f"{service}'s role can use {', '.join(schema.foreign)}", fix)


def _redis(facts: StackFacts) -> Finding:
    if facts.redis.error:
        fix = "start it, or correct LEADSTREAM_REDIS; no lead and no decision is lost without it"
        return Finding("Redis", "problem", f"it does not answer: {facts.redis.error}", fix)
    major = facts.redis.version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST_REDIS:
        return Finding("Redis", "warning", f"version {facts.redis.version}", f"upgrade to {OLDEST_REDIS} or newer")
    return Finding("Redis", "ok", f"version {facts.redis.version}")


# -- what runs on them -------------------------------------------------------------------------------------------------


def _policy(facts: StackFacts) -> Iterator[Finding]:
    if facts.kafka.error:
        return
    current = in_force(facts.kafka.policies, facts.stack_time)
    if current is None:
        yield Finding("policy", "problem", "none is published", "leadstream policy publish policy.yaml")
        return
    coming = [each for each in facts.kafka.policies if each.effective_at > facts.stack_time and each is not current]
    more = f"; {len(coming)} to come" if coming else ""
    yield Finding("policy", "ok", f"{current.version}, in force from {format_time(current.effective_at)}{more}")
    if broken := [each.version for each in facts.kafka.policies if each.policy is None]:
        fix = "run a release that knows them on every worker, or publish another policy"
        yield Finding("policy", "warning", f"this release can't use {', '.join(broken)}", fix)


def _service(facts: StackFacts, name: str, service: ServiceFacts) -> Finding:
    if not service.url:
        return Finding(name, "unknown", "not asked", f"set LEADSTREAM_{name.upper()}_URL to where it listens")
    if service.ready:
        return Finding(name, "ok", f"ready on {service.url}")
    return Finding(name, "problem", f"not ready: {service.reason}", _remedy(facts, name, service.reason))


def _remedy(facts: StackFacts, name: str, reason: str) -> str:
    where = f"look at {facts.logs}/{name}-0.log" if facts.logs else "look at its log"
    if "paused" in reason:
        return f"leadstream resume {name}"
    if "no policy" in reason:
        return "leadstream policy publish policy.yaml"
    if "jumps from sequence" in reason:
        return "see the gap below"
    if "waiting for a server" in reason:
        return "bring back the server that is named above; the service goes on by itself"
    return f"{where}; it is started again by itself when it ends"


def _paused(facts: StackFacts) -> Iterator[Finding]:
    for service, schema in facts.postgres.schemas.items():
        if schema.state.paused:
            yield Finding("paused", "warning", f"{service} is paused by an operator", f"leadstream resume {service}")


def _behind(facts: StackFacts) -> Iterator[Finding]:
    if facts.kafka.error or not any(schema.state.schema for schema in facts.postgres.schemas.values()):
        return
    for each in facts.behind:
        if each.gap:
            yield _gap(each)
    if not any(each.gap for each in facts.behind):
        yield Finding("gaps", "ok", "every service's next record is the next of its producer")
    late = [each for each in facts.behind if _is_late(facts, each)]
    for service in dict.fromkeys(each.service for each in late):
        yield _late(facts, service, [each for each in late if each.service == service])
    if not late:
        left = sum(each.records for each in facts.behind)
        yield Finding("lag", "ok", f"{_records(left)} on their way" if left else "every service has read everything")


def _gap(behind: Behind) -> Finding:
    return Finding(
        "gaps",
        "problem",
        f"{behind.service} stands at a gap in {behind.topic}/{behind.partition}: {behind.gap}",
        "find out what is missing (was a topic recreated, or a database restored?), then "
        f"leadstream accept-gap {behind.service} {behind.topic} {behind.partition}",
    )


def _is_late(facts: StackFacts, behind: Behind) -> bool:
    """Says whether it should have been read by now; what a gap or an operator holds back has a finding of its own."""
    schema = facts.postgres.schemas.get(behind.service)
    held = behind.gap or (schema is not None and schema.state.paused)
    return not held and behind.since is not None and (facts.now - behind.since).total_seconds() > LATE_SECONDS


def _late(facts: StackFacts, service: str, late: list[Behind]) -> Finding:
    since = min(each.since for each in late if each.since)
    records = sum(each.records for each in late)
    topics = ", ".join(dict.fromkeys(each.topic for each in late))
    age = describe_duration(facts.now - since)
    what = f"{service} has not read {_records(records)} of {topics}, the oldest from {age} ago"
    return Finding("lag", "problem", what, f"see {service} above; if it works, start more workers of it")


def _dead(facts: StackFacts) -> Iterator[Finding]:
    if facts.kafka.error:
        return
    letters = [event.data for event in facts.kafka.dead]
    ours = Counter((letter.service, letter.reason) for letter in letters if letter.step != "decode")
    junk = Counter((letter.service, letter.reason) for letter in letters if letter.step == "decode")
    for (service, reason), count in ours.items():
        what = f"{service} set {_records(count)} aside in the last day: {reason}"
        yield Finding("dead letters", "problem", what, f"leadstream dead --since 1d --service {service}")
    for (service, reason), count in junk.items():
        what = f"{service} could not read {_records(count)} in the last day: {reason}"
        fix = f"find who writes them: leadstream dead --since 1d --service {service}"
        yield Finding("dead letters", "warning", what, fix)
    if not letters:
        yield Finding("dead letters", "ok", "none in the last day")


def _records(count: int) -> str:
    return f"{count:,} record{'s' * (count != 1)}"
