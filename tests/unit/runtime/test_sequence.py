"""What a reader accepts of a producer's sequence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.sequence import Stamp, Verdict, headers_of, judge, stamp_of


def test_the_next_sequence_is_accepted_and_an_earlier_one_is_a_duplicate() -> None:
    assert judge(4, 5, from_start=True) is Verdict.NEXT
    assert judge(5, 5, from_start=True) is Verdict.DUPLICATE
    assert judge(5, 1, from_start=True) is Verdict.DUPLICATE


def test_a_jump_is_a_gap() -> None:
    assert judge(4, 6, from_start=True) is Verdict.GAP


def test_an_unknown_producer_begins_with_one_unless_the_log_was_cut() -> None:
    assert judge(None, 1, from_start=True) is Verdict.NEXT
    assert judge(None, 7, from_start=True) is Verdict.GAP
    assert judge(None, 7, from_start=False) is Verdict.NEXT


@given(st.lists(st.integers(1, 30), max_size=120))
def test_whatever_arrives_what_passes_is_gapless_and_in_order(arriving: list[int]) -> None:
    last, passed = None, []
    for sequence in arriving:
        if judge(last, sequence, from_start=True) is Verdict.NEXT:
            passed.append(sequence)
            last = sequence
    assert passed == list(range(1, len(passed) + 1))


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,39}@[a-z0-9]{1,40}", fullmatch=True), st.integers(1, 10**17))
def test_a_stamp_reads_back(producer: str, sequence: int) -> None:
    assert stamp_of(headers_of(producer.encode(), sequence)) == Stamp(producer, sequence)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ls-producer", b"score@1")],
        [("ls-seq", b"1")],
        [("ls-producer", b"score@1"), ("ls-seq", b"-1")],
        [("ls-producer", b"score@1"), ("ls-seq", b"1.5")],
        [("ls-producer", b"\xff"), ("ls-seq", b"1")],
        [("ls-producer", b"score"), ("ls-seq", b"1")],
        [("ls-producer", b"ann@example.com"), ("ls-seq", b"1")],
        [("ls-producer", b"score@" + b"1" * 1_000_000), ("ls-seq", b"1")],
        [("ls-producer", b"score@1"), ("ls-seq", b"9" * 30)],
    ],
)
def test_anything_else_is_a_strangers(headers: list[tuple[str, bytes]]) -> None:
    assert stamp_of(headers) is None
