"""Names: whatever is submitted, a greeting and a family name where they can be told, and nothing mangled."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.enrich.domain.names import _plain_name, _read_any, name_from_local_part, read_name
from services.enrich.domain.tables import words_in


@pytest.mark.parametrize(
    ("written", "given_name", "family_name"),
    [
        ("Jane Doe", "Jane", "Doe"),
        ("  jane   doe ", "Jane", "Doe"),
        ("JANE DOE", "Jane", "Doe"),
        ("Doe, Jane", "Jane", "Doe"),
        ("DOE, JANE", "Jane", "Doe"),
        ("Smith, John, MBA", "John", "Smith"),
        ("Jane Doe, PhD", "Jane", "Doe"),
        ("Dr. Jane Doe", "Jane", "Doe"),
        ("Herr Prof. Dr. med. Hans von der Leyen", "Hans", "von der Leyen"),
        ("Robert (Bob) Smith Jr.", "Robert", "Smith"),
        ("Jane Doe (she/her)", "Jane", "Doe"),
        ("ludwig van beethoven", "Ludwig", "van Beethoven"),
        ("VINCENT VAN GOGH", "Vincent", "van Gogh"),
        ("van Gogh, Vincent", "Vincent", "van Gogh"),
        ("Ana Paula de Souza Lima", "Ana", "de Souza Lima"),
        ("José Ortega y Gasset", "José", "Ortega y Gasset"),
        ("Carlos Silva Filho", "Carlos", "Silva Filho"),
        ("Jean DUPONT", "Jean", "Dupont"),
        ("DUPONT Jean", "Jean", "Dupont"),
        ("Jean-Luc Picard", "Jean-Luc", "Picard"),
        ("o'neill-mcdonald, conor", "Conor", "O'Neill-McDonald"),
        ("MARIA D'ANGELO", "Maria", "D'Angelo"),
        ("Jack Ma", "Jack", "Ma"),
        ("Don Draper", "Don", "Draper"),
        ("Al Gore", "Al", "Gore"),
        ("Van Morrison", "Van", "Morrison"),
        ("JP Morgan", "JP", "Morgan"),
        ("🚀 Jane Doe ✨", "Jane", "Doe"),
        ("👩‍💻Jane\u200b Doe\n", "Jane", "Doe"),
        ("İBRAHİM ÇELİK", "İbrahim", "Çelik"),
        ("Björk Guðmundsdóttir", "Björk", "Guðmundsdóttir"),
        ("Anh-Thu Nguyễn", "Anh-Thu", "Nguyễn"),
        ("Madonna", "Madonna", None),
        ("Dr. Müller", None, "Müller"),
        ("de la Cruz", None, "de la Cruz"),
    ],
)
def test_a_full_name_is_taken_apart(written: str, given_name: str | None, family_name: str | None) -> None:
    name = read_name(written, None, None)
    assert name is not None
    assert (name.given, name.family) == (given_name, family_name)


@pytest.mark.parametrize(
    "written", ["山田太郎", "Иван Петров", "محمد علي", "नमस्ते शर्मा", "김철수", "Ελένη Παπαδοπούλου"]
)
def test_a_name_in_another_script_stays_as_it_is_written(written: str) -> None:
    name = read_name(written, None, None)
    assert name is not None
    assert (name.full, name.given, name.family) == (written, None, None)


def test_middle_names_stay_in_the_full_name() -> None:
    name = read_name("MARY ANN VAN DER BERG", None, None)
    assert name is not None
    assert (name.full, name.given, name.family) == ("Mary Ann van der Berg", "Mary", "van der Berg")


@pytest.mark.parametrize(
    "written",
    [
        "", "  ", "n/a", "-", "test", "test test", "asdf", "jane@acme.com", "https://acme.com", "=cmd|' /C calc'!A0",
        "+49 170 1234567", "Mr.", "PhD", "🚀🚀", "\u200b", "...",
    ],
)  # fmt: skip
def test_what_is_no_name_is_left_out(written: str) -> None:
    assert read_name(written, None, None) is None


@pytest.mark.parametrize(
    ("given_name", "family_name", "expected"),
    [
        ("Jane", "Doe", ("Jane Doe", "Jane", "Doe")),
        ("JANE", "DOE", ("Jane Doe", "Jane", "Doe")),
        ("Anna Maria", "de Wit", ("Anna Maria de Wit", "Anna Maria", "de Wit")),
        ("Dr. Jane", "Doe PhD", ("Jane Doe", "Jane", "Doe")),
        ("Jane Doe", "Doe", ("Jane Doe", "Jane", "Doe")),
        ("Jane", "Jane", ("Jane", "Jane", None)),
        ("Jane", None, ("Jane", "Jane", None)),
        (None, "Doe", ("Doe", None, "Doe")),
        ("太郎", "山田", ("山田 太郎", "太郎", "山田")),
        ("Иван", "Петров", ("Иван Петров", "Иван", "Петров")),
    ],
)
def test_parts_of_a_name_are_put_together(
    given_name: str | None, family_name: str | None, expected: tuple[str, str | None, str | None]
) -> None:
    name = read_name(None, given_name, family_name)
    assert name is not None
    assert (name.full, name.given, name.family) == expected


def test_separate_fields_are_believed_before_the_full_name() -> None:
    name = read_name("J. D.", "Jane", "Doe")
    assert name is not None
    assert name.full == "Jane Doe"


def test_a_whole_name_is_trusted_more_than_half_of_one() -> None:
    whole, half = read_name("Jane Doe", None, None), read_name("Jane", None, None)
    assert whole is not None
    assert half is not None
    assert whole.confidence > half.confidence


@pytest.mark.parametrize(
    ("local", "expected"),
    [("jane.doe", "Jane Doe"), ("jane_doe+news", "Jane Doe"), ("jdoe", None), ("j.doe", None), ("jane.doe99", None)],
)
def test_an_address_gives_a_name_away_only_where_it_has_two_words(local: str, expected: str | None) -> None:
    name = name_from_local_part(local)
    assert (name and name.full) == expected


@given(st.text(max_size=60), st.none() | st.text(max_size=30), st.none() | st.text(max_size=30))
def test_any_text_gives_a_name_of_printable_words_or_none(full: str, first: str | None, last: str | None) -> None:
    name = read_name(full, first, last)
    if name is not None:
        assert name.full == " ".join(name.full.split())
        assert name.full
        assert "\x00" not in name.full
        assert 0 < name.confidence <= 1


@given(st.from_regex(r"[A-Z][a-z]{1,9}", fullmatch=True), st.from_regex(r"[A-Z][a-z]{3,12}", fullmatch=True))
def test_a_name_reads_the_same_in_capitals_and_the_other_way_round(first: str, last: str) -> None:
    straight = read_name(f"{first} {last}", None, None)
    assume(first.lower() not in words_in("words.txt")["degrees and generations"])
    assume(straight is not None and (straight.given, straight.family) == (first, last))
    assert read_name(f"{last}, {first}", None, None) == straight
    shouted = read_name(f"{first} {last}".upper(), None, None)
    assert shouted is not None
    assert shouted.full.casefold() == f"{first} {last}".casefold()


WORDS = sorted({word for section in words_in("words.txt").values() for word in section if word.isalpha()})
ONE_WORD = st.from_regex(r"[A-ZÀ-Þ][a-zß-ÿ]{1,8}", fullmatch=True) | st.sampled_from(WORDS).map(str.capitalize)


@given(ONE_WORD, ONE_WORD)
def test_a_plain_name_is_read_as_any_other_would_be(first: str, last: str) -> None:
    plain = _plain_name(f"{first} {last}")
    assert plain is None or plain == _read_any(f"{first} {last}")
