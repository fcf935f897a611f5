"""Lists are read as spreadsheets write them, whatever the encoding, and their columns told apart by name."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.context import CommandFailed
from cli.importing.mapping import Column, Reader, map_columns
from cli.importing.table import guarded, open_table, unguarded

HEADER = "Name,E-Mail,Firma"
ROW = "Zoë Öztürk,zoe@example.com,Müller & Söhne GmbH"


def written(folder: Path, content: bytes | str, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_list_is_read_in_the_encoding_and_with_the_delimiter_it_has(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    text = end.join([HEADER, *[ROW] * 30]).replace(",", delimiter)
    table = open_table(written(tmp_path, text.encode(encoding)))
    assert (table.delimiter, table.columns) == (delimiter, ("Name", "E-Mail", "Firma"))
    rows = list(table.rows())
    assert len(rows) == 30
    assert rows[0].cells == tuple(ROW.split(","))


def test_a_byte_that_is_not_utf8_far_down_the_file_does_not_break_the_import_off(tmp_path: Path) -> None:
    body = (HEADER + "\n" + "Ada,ada@example.com,X\n" * 20_000).encode() + "Zoë,zoe@example.com,X\n".encode("cp1252")
    assert [row.cells[0] for row in open_table(written(tmp_path, body)).rows()][-1] == "Zoë"


@pytest.mark.parametrize(
    ("encoding", "row"),
    [
        ("cp1251", "Анна Иванова,anna@example.com,Общество ограниченной ответственности Восток"),
        ("cp1253", "Άννα Παπαδοπούλου,anna@example.com,Εταιρεία περιορισμένης ευθύνης στην Αθήνα"),
    ],
)
def test_other_alphabets_are_recognised(tmp_path: Path, encoding: str, row: str) -> None:
    table = open_table(written(tmp_path, "\n".join(["Name,Email,Company", *[row] * 20]).encode(encoding)))
    assert next(iter(table.rows())).cells[0] == row.split(",", maxsplit=1)[0]


def test_excels_separator_line_is_no_row_and_rows_are_numbered_as_a_spreadsheet_does(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, "\ufeffsep=;\r\nemail;note\r\na@example.com;x\r\n;\r\nb@example.com;y\r\n"))
    assert (table.delimiter, table.columns) == (";", ("email", "note"))
    assert [(row.number, row.cells[0]) for row in table.rows()] == [(2, "a@example.com"), (4, "b@example.com")]


def test_cells_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, 'email,note\r\na@example.com,"one, ""two""\r\nthree"\r\nb@example.com,\r\n')
    assert [row.cells[1] for row in open_table(path).rows()] == ['one, "two"\r\nthree', ""]


def test_columns_without_a_name_or_with_the_same_get_one_of_their_own(tmp_path: Path) -> None:
    assert open_table(written(tmp_path, "email,,email,Note\n")).columns == ("email", "column 2", "email (2)", "Note")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b",,\n1,2,3\n", "names no columns"),
        (b"Ada,ada@example.com\n", "not a header"),
    ],
)
def test_a_file_that_is_no_list_is_refused_with_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        open_table(written(tmp_path, content))


def test_a_missing_file_and_a_wrong_encoding_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="can't be read"):
        open_table(tmp_path / "nowhere.csv")
    for encoding in ("ascii", "no-such-encoding"):
        with pytest.raises(CommandFailed, match="--encoding"):
            open_table(written(tmp_path, "email\nzoë"), encoding)


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_a_table_or_a_plain_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "any.csv")
    try:
        assert all(row.cells for row in open_table(path).rows())
    except CommandFailed as error:
        assert "any.csv" in str(error) or "--encoding" in str(error)  # noqa: PT017  # refused is as good as read


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_cell_that_we_write_is_a_formula_and_each_is_read_back_as_it_was(cells: list[str]) -> None:
    for cell in cells:
        assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\x00"))
        assert unguarded(guarded(cell)) == cell or cell.startswith("'")


def fields(*columns: str, **said: str) -> dict[str, str]:
    return {column.name: column.target for column in map_columns(columns, said)}


def test_columns_find_their_fields_by_their_names() -> None:
    names = ("First Name", "LAST_NAME", "E-mail Address", "Mobile Phone", "Company Name", "Job Title", "Shoe size")
    assert list(fields(*names).values()) == [
        "given_name", "family_name", "email", "phone", "company.name", "title", "answers.Shoe size",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Contact e-mail", "Emial Address", "Customer E-Mail", "Email Adddress"])
def test_a_similar_name_is_taken_for_its_field_as_a_guess(name: str) -> None:
    assert map_columns([name], {}) == (Column(name, "email", sure=False),)


def test_of_two_columns_for_one_field_the_one_with_its_name_gets_it() -> None:
    assert fields("Lead Email", "Email") == {"Lead Email": "answers.Lead Email", "Email": "email"}
    assert fields("Work email", "Email") == {"Work email": "answers.Work email", "Email": "email"}
    assert fields("Email", "Work email") == {"Email": "email", "Work email": "answers.Work email"}


def test_what_the_operator_says_goes_before_any_guess() -> None:
    said = {
        "mail 1": "-",
        "Mail 2": "email",
        "Ref": "external_ids.hubspot",
        "Tel": "answers.old phone",
        "Who": "Full Name",
    }
    assert fields("Mail 1", "Mail 2", "Ref", "Tel", "Who", **said) == {
        "Mail 1": "-",
        "Mail 2": "email",
        "Ref": "external_ids.hubspot",
        "Tel": "answers.old phone",
        "Who": "name",
    }


@pytest.mark.parametrize("said", [{"Nope": "email"}, {"A": "shoe"}, {"A": "email", "B": "email"}, {"A": "answers."}])
def test_a_mapping_that_can_not_be_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(CommandFailed, match="--map"):
        map_columns(["A", "B"], said)


def test_a_row_becomes_a_document_and_nothing_of_it_is_lost() -> None:
    columns = map_columns(
        ["Name", "Email", "Employees", "Country", "Consent", "Hobby", "Ref"], {"Ref": "external_ids.crm"}
    )
    row = ["Ada", " ada@example.com ", "about 50", "UK", "no", "chess", "7"]
    assert Reader(columns).document(row, dates_needed=False) == {
        "name": "Ada",
        "email": "ada@example.com",
        "company": {"country": "UK"},
        "consent": {"marketing": False},
        "external_ids": {"crm": "7"},
        "answers": {"Employees": "about 50", "Hobby": "chess"},
    }


@pytest.mark.parametrize(
    ("cell", "date_format", "moment"),
    [
        ("2018-02-01", None, datetime(2018, 2, 1, tzinfo=UTC)),
        ("2018-05-08 20:17:59", None, datetime(2018, 5, 8, 20, 17, 59, tzinfo=UTC)),
        ("2018-05-08T20:17:59+02:00", None, datetime(2018, 5, 8, 18, 17, 59, tzinfo=UTC)),
        ("08/05/2018", "%d/%m/%Y", datetime(2018, 5, 8, tzinfo=UTC)),
    ],
)
def test_dates_are_read_as_written(cell: str, date_format: str | None, moment: datetime) -> None:
    reader = Reader(map_columns(["Created"], {}), date_format)
    assert datetime.fromisoformat(reader.document([cell], dates_needed=True)["submitted_at"]) == moment


def test_a_date_that_can_not_be_read_refuses_history_and_is_an_answer_otherwise() -> None:
    reader = Reader(map_columns(["Created"], {}))
    with pytest.raises(ValueError, match="--date-format"):
        reader.document(["08/05/2018"], dates_needed=True)
    assert reader.document(["08/05/2018"], dates_needed=False) == {"answers": {"Created": "08/05/2018"}}


def test_a_row_with_more_cells_than_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="3 cells and the header 1"):
        Reader(map_columns(["Email"], {})).document(["a@example.com", "", "x"], dates_needed=False)


def test_a_field_as_long_as_a_mail_does_not_stop_the_file(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    try:
        path = written(tmp_path, f"email,note\na@example.com,{'x' * 500_000}\n")
        assert len(next(iter(open_table(path).rows())).cells[1]) == 500_000
    finally:
        csv.field_size_limit(before)
