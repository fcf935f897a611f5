"""Arrays as they are sent are read back by psycopg as the values they were made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import adapters
from psycopg.adapt import Transformer
from psycopg.pq import Format

from infra.arrays import Array, bigints, days, ints, moments, nullable_doubles, nullable_moments, nullable_texts, texts

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
MOMENT = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
KINDS: dict[str, tuple[Callable[[list[Any]], Array], str, st.SearchStrategy[Any]]] = {
    "ints": (ints, "int4", st.integers(-(2**31), 2**31 - 1)),
    "bigints": (bigints, "int8", st.integers(-(2**63), 2**63 - 1)),
    "texts": (texts, "text", TEXT),
    "moments": (moments, "timestamptz", MOMENT),
    "days": (days, "date", st.dates(date(1900, 1, 1), date(2199, 12, 31))),
    "nullable texts": (nullable_texts, "text", st.none() | TEXT),
    "nullable moments": (nullable_moments, "timestamptz", st.none() | MOMENT),
    "nullable doubles": (nullable_doubles, "float8", st.none() | st.floats(allow_nan=False)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_an_array_holds_the_values_it_was_made_of(kind: str, data: st.DataObject) -> None:
    make, name, members = KINDS[kind]
    values = data.draw(st.lists(members, max_size=8))
    loader = Transformer().get_loader(adapters.types[name].array_oid, Format.BINARY)
    assert loader.load(make(values).data) == values
