from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.score.domain.milliseconds import datetime_of, timestamp_ms
from services.score.domain.recent_set import Entry, identity_of, with_entry

ENTRIES = st.tuples(st.integers(0, 40), st.integers(0, 25))


def folded(entries: list[Entry], keep: int) -> tuple[Entry, ...]:
    kept: tuple[Entry, ...] = ()
    for entry in entries:
        kept = with_entry(kept, entry, keep)
    return kept


@given(st.data(), st.lists(ENTRIES, max_size=40), st.integers(1, 8))
def test_any_order_gives_the_identical_set(data: st.DataObject, entries: list[Entry], keep: int) -> None:
    shuffled = data.draw(st.permutations(entries))

    assert folded(entries, keep) == folded(shuffled, keep)


@given(st.lists(ENTRIES, max_size=40), st.integers(1, 8))
def test_the_set_is_the_newest_of_each_identity(entries: list[Entry], keep: int) -> None:
    newest: dict[int, int] = {}
    for happened, identity in entries:
        newest[identity] = max(happened, newest.get(identity, 0))
    expected = sorted(((happened, identity) for identity, happened in newest.items()), reverse=True)[:keep]

    assert folded(entries, keep) == tuple(expected)


@given(st.lists(ENTRIES, min_size=1, max_size=40), st.integers(1, 8), st.data())
def test_telling_it_again_changes_nothing(entries: list[Entry], keep: int, data: st.DataObject) -> None:
    kept = folded(entries, keep)

    assert with_entry(kept, data.draw(st.sampled_from(entries)), keep) is kept


def test_what_was_crowded_out_stays_out_when_it_is_told_again() -> None:
    kept = folded([(1, 1), (2, 2), (3, 3)], 2)

    assert with_entry(kept, (1, 1), 2) is kept


def test_ids_of_different_channels_differ() -> None:
    assert identity_of("web", "7") != identity_of("mail", "7")
    assert identity_of("web", "7") == identity_of("web", "7")
    assert identity_of("a", "bc") != identity_of("ab", "c")


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # Hypothesis asks for naive bounds
def test_milliseconds_lose_less_than_one(moment: datetime) -> None:
    read = datetime_of(timestamp_ms(moment))

    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    assert timestamp_ms(read) == timestamp_ms(moment)
