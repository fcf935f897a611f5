"""One batch without I/O: what is read, decided and set aside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson
import pytest

from infra.partitioner import partition_of
from policy.loading import load_policy
from runtime.decide import ERASED_MARK, PartitionResult, decide, gather
from runtime.decode import BatchContext, PartitionBatch, Read, Source, decode
from runtime.fence import Commit, FenceRow
from runtime.hold import HoldGuard, Suspected
from runtime.sequence import headers_of
from runtime.stage import Context, Decision, Input, Stage
from schemas.base import Cause, Event, Record, new_traceparent
from schemas.events import DeadLetter, Erased, EventDead, LeadErased
from schemas.topics import DEAD, ERASED, Topic
from tests.support.bare import PINGS, Alpha, Ping, Pong, Step, Tally

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PARTITIONS = 4
POLICY = load_policy(Path("policy.yaml"))
ALPHA = Alpha()
DECIDING = BatchContext(
    service="alpha",
    policy=POLICY,
    clock=NOW,
    partitions=PARTITIONS,
    topic_of={Pong: "bare.pongs", EventDead: DEAD.name},
)


@dataclass
class FakeRecord:
    """As aiokafka gives it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


LEAD = next(f"lead{n}" for n in range(99) if partition_of(f"lead{n}".encode(), PARTITIONS) == 0)
ELSEWHERE = next(f"lead{n}" for n in range(99) if partition_of(f"lead{n}".encode(), PARTITIONS) == 1)


def cause(name: str, lead: str = LEAD) -> Cause:
    return Cause(id=name, lead_id=lead, traceparent=new_traceparent(name))


def ping(n: int, note: str = "", lead: str = LEAD) -> Ping:
    return Ping.create(cause=cause(f"{lead}-{n}", lead), service="test", time=NOW, data=Step(n=n, note=note))


def read(offset: int, event: Event | bytes, sequence: int | None = None, topic: Topic = PINGS) -> Read:
    value = event if isinstance(event, bytes) else event.to_json()
    key = None if isinstance(event, bytes) else event.subject.encode()
    headers = [] if sequence is None else headers_of(b"test@1", sequence)
    return Read(topic, FakeRecord(topic.name, 0, offset, key, value, headers))


class Quoting(Alpha):
    """Fails with what the lead wrote."""

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:  # noqa: ARG002
        assert isinstance(item, Ping)
        raise KeyError(item.data.note)


class _Odd__Fault(Exception):  # noqa: N801  # any library may name one so
    pass


class Odd(Alpha):
    """Fails with an exception whose name is no code."""

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:  # noqa: ARG002
        raise _Odd__Fault


class Notes(Record, frozen=True, kw_only=True):
    """Has names of the writer's choice."""

    n: int
    notes: dict[str, str]


class Noted(Event, frozen=True, kw_only=True):
    """An event with such names."""

    type: Literal["bare.ping.v1"] = "bare.ping.v1"
    data: Notes


NOTES = Topic("bare.notes", (Noted,), (), ("alpha",), "Input.")


def run(
    *reads: Read,
    fence: FenceRow | None = None,
    stored: dict[str, bytes] | None = None,
    stage: Stage[Tally] = ALPHA,
) -> PartitionResult[Tally]:
    decoded = decode(PartitionBatch(0, list(reads)), fence or FenceRow(0, 1, 0), DECIDING)
    return decide(stage, decoded, stored or {}, DECIDING, None)


def count(outcome: PartitionResult[Tally]) -> int:
    tally = outcome.states[LEAD]
    assert tally is not None
    return tally.count


def dead_letters(outcome: PartitionResult[Tally]) -> list[DeadLetter]:
    return [EventDead.from_json(value).data for topic, _, value in outcome.events if topic == DEAD.name]


def test_several_inputs_of_one_lead_are_folded_in_order() -> None:
    outcome = run(read(0, ping(1)), read(1, ping(2)), read(2, ping(3)))
    assert count(outcome) == 3
    assert [Pong.from_json(value).data.n for _, _, value in outcome.events] == [1, 2, 3]
    assert outcome.decoded.offsets == {"bare.pings": 3}


def test_the_same_decision_gives_the_same_event_id() -> None:
    assert run(read(0, ping(1))).events == run(read(9, ping(1))).events


def test_a_record_before_the_position_is_passed_over() -> None:
    outcome = run(read(4, ping(1)), read(5, ping(2)), fence=FenceRow(0, 1, 0, offsets={"bare.pings": 5}))
    assert len(outcome.events) == 1


def test_a_duplicate_sequence_moves_the_position_and_decides_nothing() -> None:
    outcome = run(read(0, ping(1), 1), read(1, ping(1), 1), read(2, ping(2), 2))
    assert len(outcome.events) == 2
    assert outcome.decoded.offsets == {"bare.pings": 3}
    assert outcome.decoded.seen == {"bare.pings|test@1": 2}
    assert outcome.decoded.duplicates == {"bare.pings": 1}


def test_nothing_behind_a_gap_is_read() -> None:
    outcome = run(read(0, ping(1), 1), read(1, ping(3), 3), read(2, ping(4), 4))
    assert len(outcome.events) == 1
    assert outcome.decoded.offsets == {"bare.pings": 1}
    assert "jumps from sequence 1 to 3" in str(outcome.decoded.gaps["bare.pings"])


def test_an_operator_may_let_it_go_on_behind_a_gap() -> None:
    accepting = DECIDING._replace(gaps_accepted={("bare.pings", 0)})
    decoded = decode(PartitionBatch(0, [read(0, ping(1), 1), read(1, ping(3), 3)]), FenceRow(0, 1, 0), accepting)
    assert len(decoded.items) == 2
    assert not decoded.gaps


def test_a_strangers_junk_is_set_aside_with_its_bytes_and_does_not_count() -> None:
    outcome = run(*(read(n, b"\xff\x00 junk") for n in range(20)), read(20, ping(1)))
    assert len(dead_letters(outcome)) == 20
    letter = dead_letters(outcome)[0]
    assert (letter.value, letter.offset, letter.step, letter.reason) == (b"\xff\x00 junk", 0, "decode", "malformed")
    assert outcome.failures == 0
    assert outcome.states[LEAD] is not None


def test_a_dead_letter_does_not_repeat_personal_values_in_its_explanation() -> None:
    letter = dead_letters(run(read(0, b'{"type": "bare.ping.v1", "subject": "ann@example.com"}')))[0]
    assert "ann@example.com" not in letter.detail


@pytest.mark.parametrize("name", ["\x00", "k" * 900_000], ids=["NUL", "a name of 900 KB"])
def test_whatever_names_a_stranger_gives_the_dead_letter_can_be_written(name: str) -> None:
    event = {**orjson.loads(ping(1).to_json()), "data": {"n": 1, "notes": {name: 5}}}
    letters = dead_letters(run(read(0, orjson.dumps(event), topic=NOTES)))
    assert [letter.reason for letter in letters] == ["malformed"]
    assert len(letters[0].detail) < 1_000


def test_a_failure_tells_where_and_quotes_nobody() -> None:
    outcome = run(read(0, ping(0, "ann@example.com"), 1), stage=Quoting())
    assert re.fullmatch(r"KeyError at test_batch\.py:\d+, in decide", outcome.last_failure)


def test_an_exception_of_any_name_is_buried() -> None:
    letters = dead_letters(run(read(0, ping(0)), stage=Odd()))
    assert [letter.reason for letter in letters] == ["odd__fault"]


def test_an_order_lets_one_gap_pass_and_not_the_next() -> None:
    accepting = DECIDING._replace(gaps_accepted={("bare.pings", 0)})
    reads: list[Source] = [read(0, ping(1), 1), read(1, ping(3), 3), read(2, ping(4), 4), read(3, ping(9), 9)]
    decoded = decode(PartitionBatch(0, reads), FenceRow(0, 1, 0), accepting)
    assert len(decoded.items) == 3
    assert decoded.passed == [("bare.pings", 0)]
    assert "from sequence 4 to 9" in str(decoded.gaps["bare.pings"])


def test_a_strangers_record_in_the_wrong_partition_is_set_aside() -> None:
    assert dead_letters(run(read(0, ping(1, lead=ELSEWHERE))))[0].reason == "wrong_partition"


def test_an_exception_sets_one_event_aside_and_the_others_go_on() -> None:
    outcome = run(read(0, ping(1), 1), read(1, ping(2, "raise"), 2), read(2, ping(3), 3))
    assert [letter.reason for letter in dead_letters(outcome)] == ["valueerror"]
    assert count(outcome) == 2
    assert outcome.failures == 0


def test_our_own_failures_in_a_row_are_counted_over_batches() -> None:
    outcome = run(read(0, ping(0, "raise"), 1), fence=FenceRow(0, 1, 0, failures=2))
    assert (outcome.failures, outcome.failed, outcome.succeeded) == (3, {LEAD}, False)


def test_a_strangers_event_that_breaks_the_stage_does_not_count() -> None:
    outcome = run(*(read(n, ping(n, "raise")) for n in range(10)))
    assert len(dead_letters(outcome)) == 10
    assert (outcome.failures, outcome.failed) == (0, set())


def test_a_guard_lets_one_lead_fail_for_ever() -> None:
    guard = HoldGuard("alpha", 3)
    for _ in range(10):
        guard.judge({"one"}, succeeded=False, last="KeyError")


def test_a_guard_holds_when_nothing_succeeds_over_many_leads_and_tells_the_last_reason() -> None:
    guard = HoldGuard("alpha", 3)
    guard.judge({"one", "two"}, succeeded=False, last="KeyError")
    guard.judge({"three"}, succeeded=True, last="KeyError")
    guard.judge({"four", "five"}, succeeded=False, last="KeyError")
    with pytest.raises(Suspected, match=r"3 leads have failed and nothing has succeeded since\. Last: OSError"):
        guard.judge({"six"}, succeeded=False, last="OSError")
    guard.excuse()
    guard.judge({"seven"}, succeeded=False, last="KeyError")


def test_a_guard_remembers_what_failed_before_a_restart() -> None:
    guard = HoldGuard("alpha", 3)
    guard.inherit(2)
    with pytest.raises(Suspected):
        guard.judge({"one"}, succeeded=False, last="KeyError")


def erased(at: datetime) -> LeadErased:
    data = Erased(lead_id=LEAD, requested_at=at)
    return LeadErased.create(cause=cause("erase"), service="capture", time=at, data=data)


def test_an_erased_leads_state_timers_and_late_events_are_forgotten() -> None:
    outcome = run(read(0, ping(5)), read(0, erased(NOW), topic=ERASED), read(1, ping(6)))
    commit = Commit()
    gather(commit, outcome)
    assert commit.states[LEAD][1].startswith(ERASED_MARK)
    assert not commit.timers
    assert commit.erased == [LEAD]
    assert outcome.counts["bare.pings", "bare.ping.v1", "dropped_erased"] == 1


def test_nothing_that_comes_later_brings_an_erased_lead_back() -> None:
    stored = {LEAD: ERASED_MARK + datetime(2026, 1, 1, tzinfo=UTC).isoformat().encode()}
    outcome = run(read(0, ping(1)), stored=stored)
    assert not outcome.changes
    assert not outcome.events


def test_each_output_partition_is_numbered_without_gaps() -> None:
    commit = Commit()
    outcome = run(
        read(0, ping(1)), read(1, b"junk"), read(2, ping(2)), fence=FenceRow(0, 1, 0, heads={"bare.pongs": 7})
    )
    gather(commit, outcome)
    assert [(row.topic, row.seq) for row in commit.outbox] == [("leads.dead", 1), ("bare.pongs", 8), ("bare.pongs", 9)]
    assert commit.moves[0][1].heads == {"bare.pongs": 9, "leads.dead": 1}


class Inventive(Alpha):
    """Emits what it has not declared."""

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:  # noqa: ARG002  # its point
        return Decision(state, events=(ctx.emit(Ping, Step(n=1)),))


def test_a_stage_can_emit_only_to_its_declared_outputs() -> None:
    decoded = decode(PartitionBatch(0, [read(0, ping(1), 1)]), FenceRow(0, 1, 0), DECIDING)
    outcome = decide(Inventive(), decoded, {}, DECIDING, None)
    assert [letter.reason for letter in dead_letters(outcome)] == ["keyerror"]


class Choosy(Alpha):
    """Reads no pings that are called junk."""

    ignores = frozenset({"bare.ping.v1"})


def test_what_a_stage_ignores_is_counted_and_never_read() -> None:
    unreadable = ping(1).to_json().replace(b'"data"', b'"dat"')
    decoded = decode(PartitionBatch(0, [read(0, unreadable, 1), read(1, ping(2), 2)]), FenceRow(0, 1, 0), IGNORING)
    assert (decoded.items, decoded.dead, decoded.offsets) == ([], [], {"bare.pings": 2})
    assert decoded.seen == {"bare.pings|test@1": 2}
    assert decide(Choosy(), decoded, {}, IGNORING, None).counts == {
        ("bare.pings", "bare.ping.v1", "dropped_ignored"): 2
    }


def test_a_stranger_can_not_have_a_record_ignored() -> None:
    decoded = decode(PartitionBatch(0, [read(0, ping(1)), read(1, b"junk")]), FenceRow(0, 1, 0), IGNORING)
    assert (len(decoded.items), len(decoded.dead)) == (1, 1)


def test_only_the_type_of_the_event_itself_lets_it_be_ignored() -> None:
    quoting = ping(1, note='","type":"bare.other.v1"')
    other = IGNORING._replace(ignores=frozenset({"bare.other.v1"}))
    assert len(decode(PartitionBatch(0, [read(0, quoting, 1)]), FenceRow(0, 1, 0), other).items) == 1


IGNORING = DECIDING._replace(ignores=Choosy.ignores)
