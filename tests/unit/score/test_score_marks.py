from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.score.domain.marks import Mark, identify, remember, to_datetime, to_milliseconds

marks = st.tuples(st.integers(0, 40), st.integers(0, 25))


def remembered(entries: list[Mark], keep: int) -> tuple[Mark, ...]:
    kept: tuple[Mark, ...] = ()
    for entry in entries:
        kept = remember(kept, entry, keep)
    return kept


@given(st.data(), st.lists(marks, max_size=40), st.integers(1, 8))
def test_any_order_gives_the_identical_set(data: st.DataObject, entries: list[Mark], keep: int) -> None:
    shuffled = data.draw(st.permutations(entries))

    assert remembered(entries, keep) == remembered(shuffled, keep)


@given(st.lists(marks, max_size=40), st.integers(1, 8))
def test_the_set_is_the_newest_of_each_identity(entries: list[Mark], keep: int) -> None:
    newest: dict[int, int] = {}
    for happened, identity in entries:
        newest[identity] = max(happened, newest.get(identity, 0))
    expected = sorted(((happened, identity) for identity, happened in newest.items()), reverse=True)[:keep]

    assert remembered(entries, keep) == tuple(expected)


@given(st.lists(marks, min_size=1, max_size=40), st.integers(1, 8), st.data())
def test_telling_it_again_changes_nothing(entries: list[Mark], keep: int, data: st.DataObject) -> None:
    kept = remembered(entries, keep)

    assert remember(kept, data.draw(st.sampled_from(entries)), keep) is kept


def test_what_was_crowded_out_stays_out_when_it_is_told_again() -> None:
    kept = remembered([(1, 1), (2, 2), (3, 3)], 2)

    assert remember(kept, (1, 1), 2) is kept


def test_ids_of_different_channels_differ() -> None:
    assert identify("web", "7") != identify("mail", "7")
    assert identify("web", "7") == identify("web", "7")
    assert identify("a", "bc") != identify("ab", "c")


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # Hypothesis asks for naive bounds
def test_milliseconds_lose_less_than_one(moment: datetime) -> None:
    read = to_datetime(to_milliseconds(moment))

    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    assert to_milliseconds(read) == to_milliseconds(moment)
