"""What the outbox keeps in blocks comes out as it went in, and arrays are what Postgres expects."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq
from psycopg.adapt import Transformer

from infra.arrays import Array, bigints, byteas, ints, moments, texts
from runtime.fence import OutboxRow, blocks_of, rows_of

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b"]), st.binary(max_size=9), st.binary()))
TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@given(EVENTS)
def test_blocks_hold_each_lanes_events_in_order(events: list[tuple[int, str, bytes, bytes]]) -> None:
    heads: dict[tuple[int, str], int] = {}
    rows = []
    for partition, topic, key, value in events:
        heads[partition, topic] = heads.get((partition, topic), 40) + 1
        rows.append(OutboxRow(partition, topic, heads[partition, topic], key, value))
    blocks = blocks_of(rows)
    assert [row for block in blocks for row in rows_of(block.partition, block.topic, block.first, block.joined)] == (
        sorted(rows, key=lambda row: list(heads).index((row.partition, row.topic)))
    )
    assert {(block.partition, block.topic): block.last for block in blocks} == heads


def read_back(array: Array, oid: int) -> list[object]:
    """The array as psycopg reads it."""
    loaded: list[object] = Transformer().get_loader(oid, pq.Format.BINARY).load(array.data)
    return loaded


@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_arrays_of_numbers_read_back(small: list[int], large: list[int]) -> None:
    assert read_back(ints(small), 1007) == small
    assert read_back(bigints(large), 1016) == large


@given(TEXTS, st.lists(st.binary()), st.lists(MOMENTS))
def test_arrays_of_texts_bytes_and_moments_read_back(
    words: list[str], chunks: list[bytes], times: list[datetime]
) -> None:
    assert read_back(texts(words), 1009) == words
    assert read_back(byteas(chunks), 1001) == chunks
    assert read_back(moments(times), 1185) == times
