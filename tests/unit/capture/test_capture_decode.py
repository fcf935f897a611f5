"""Whatever the bytes are, they are read or refused with a typed error."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.capture.domain.decode import DEEPEST, MOST_FORM_FIELDS, MediaType, decode_form, decode_json, media_type
from services.capture.domain.errors import InvalidInput
from services.capture.domain.forms import lead_document
from services.capture.domain.items import Kind
from services.capture.domain.submissions import READERS, lead_item
from tests.unit.capture.capture_cases import context

FORM = MediaType("application/x-www-form-urlencoded")
MULTIPART = MediaType("multipart/form-data", "utf-8", "frontier")

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
ours = st.sampled_from(
    ["email", "phone", "person", "company", "consent", "answers", "external_ids", "submitted_at", "mode", "lead_id",
     "signal", "outcome", "channel", "value", "id", "occurred_at", "attribution", "message"]
)  # fmt: skip


def part(name: str, content: str, *, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    return f'--frontier\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{content}\r\n'.encode()


def refusal(read: Callable[[], object]) -> InvalidInput | None:
    """The typed error that reading raises, with a status that fits it."""
    try:
        read()
    except InvalidInput as error:
        return error
    return None


def reason_of(body: bytes, kind: MediaType | None = None) -> str:
    error = refusal(lambda: decode_json(body) if kind is None else decode_form(body, kind))
    assert error is not None, "it was read"
    assert 400 <= error.status < 500
    return error.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "malformed_json"),
        (b'{"email":"a@b.co"}x', "malformed_json"),
        (b"{'email': 1}", "malformed_json"),
        (b'{"employees": NaN}', "malformed_json"),
        (b'{"employees": 1e999}', "malformed_json"),
        (b'{"name": "\\ud800"}', "malformed_json"),
        (b'{"name": "a\x00b"}', "malformed_json"),
        ('{"name": "Zoë"}'.encode("latin-1"), "wrong_charset"),
        ('{"name": "Zoë"}'.encode("utf-16"), "wrong_charset"),
        (b'{"name": "\xed\xa0\x80"}', "wrong_charset"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too_deep"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "too_deep"),
        (b"[" * 100_000, "malformed_json"),
    ],
)
def test_bytes_that_are_no_sound_json_are_refused_with_a_reason(body: bytes, reason: str) -> None:
    assert reason_of(body) == reason


def test_a_document_may_be_as_deep_as_the_limit() -> None:
    body = b"[" * DEEPEST + b"]" * DEEPEST
    assert decode_json(body) == orjson.loads(body)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert decode_json(b"\xef\xbb\xbf{}") == {}


def test_json_in_another_charset_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_json(b"{}", "utf-16")
    assert refused.value.status == 415


@given(st.binary(max_size=400))
@example(b'{"\\udfff": 1}')
def test_no_bytes_make_anything_but_a_document_or_the_typed_error(body: bytes) -> None:
    kinds = (FORM, MULTIPART, MediaType("multipart/form-data"), MediaType("multipart/form-data", "cp1252", "\n"))
    errors = [refusal(lambda kind=kind: lead_item(lead_document(decode_form(body, kind)), context())) for kind in kinds]  # type: ignore[misc]  # a lambda's default has no type
    errors.append(refusal(lambda: decode_json(body)))
    assert all(error is None or 400 <= error.status < 500 for error in errors)


@given(st.dictionaries(ours, documents, max_size=6) | documents, st.sampled_from(list(READERS)))
def test_no_json_document_makes_anything_but_an_item_or_the_typed_error(document: object, kind: Kind) -> None:
    assume(_writable(document))
    sent = orjson.loads(orjson.dumps(document))
    error = refusal(lambda: READERS[kind](sent, context()))
    assert error is None or 400 <= error.status < 500
    assert error is None or all(_resolves(sent, problem.pointer) for problem in error.problems), error.problems


def _writable(document: object) -> bool:
    try:
        orjson.dumps(document)
    except TypeError:  # an integer beyond 64 bits or a lone surrogate: not what JSON can bring us
        return False
    return True


def _resolves(document: object, pointer: str) -> bool:
    """Whether the pointer names something in the document, or a field that is missing from an object in it."""
    *path, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]] or [""]
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]  # type: ignore[index]
    return not pointer or isinstance(document, dict) or (isinstance(document, list) and int(last) < len(document))


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_url_encoded_form_is_read_as_it_was_written(fields: list[tuple[str, str]]) -> None:
    assert decode_form(urlencode(fields).encode(), FORM) == fields


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_a_form_is_read_in_the_charset_it_names(charset: str) -> None:
    body = urlencode([("name", "Zoë")], encoding=charset).encode()
    assert decode_form(body, MediaType(FORM.name, charset)) == [("name", "Zoë")]


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"", FORM, "empty"),
        (b"", MULTIPART, "empty"),
        (b"name=%FF", FORM, "wrong_charset"),
        (b"name=\xff", FORM, "wrong_charset"),
        (b"name=%ED%A0%80", FORM, "wrong_charset"),
        (b"name=x", MediaType(FORM.name, "utf-7"), "wrong_charset"),
        (b"&".join([b"a=1"] * (MOST_FORM_FIELDS + 1)), FORM, "too_many_fields"),
        (part("a", "1") * (MOST_FORM_FIELDS + 1) + b"--frontier--\r\n", MULTIPART, "too_many_fields"),
        (b"no parts at all", MULTIPART, "malformed_form"),
        (part("a", "1"), MULTIPART, "malformed_form"),
        (part("a", "1") + b"--frontier--\r\n", MediaType("multipart/form-data"), "malformed_form"),
        (part("cv", "%PDF", filename="cv.pdf") + b"--frontier--\r\n", MULTIPART, "file_refused"),
        (part("a", "1").replace(b"1", b"\xff") + b"--frontier--\r\n", MULTIPART, "wrong_charset"),
    ],
)
def test_a_form_that_can_not_be_read_is_refused_with_a_reason(body: bytes, kind: MediaType, reason: str) -> None:
    assert reason_of(body, kind) == reason


def test_a_multipart_form_is_read_and_an_empty_file_field_is_nothing() -> None:
    body = part("name", "Zoë") + part("cv", "", filename="") + part("name", "B\r\nC") + b"--frontier--\r\n"
    assert decode_form(body, MULTIPART) == [("name", "Zoë"), ("name", "B\r\nC")]


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("application/json", MediaType("application/json")),
        ("Application/JSON; charset=UTF-8", MediaType("application/json")),
        ('multipart/form-data; boundary="a b"', MediaType("multipart/form-data", "utf-8", "a b")),
        ("", MediaType("unknown")),
        ("json", MediaType("unknown")),
        ("application/json; charset*=utf-8''x", MediaType("unknown")),
        ("text/ü", MediaType("unknown")),
    ],
)
def test_a_content_type_is_read(header: str, read: MediaType) -> None:
    assert media_type(header) == read


@given(st.text(max_size=60))
def test_any_content_type_is_read_or_unknown(header: str) -> None:
    assert media_type(header).name
