"""What may arrive: documents and forms as the world writes them, up to the bounds of what capture accepts.

Hypothesis draws them. Most are accepted, so that a stage sees them; some are refused, as in life.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any, get_args
from urllib.parse import quote, urlencode

import orjson
from hypothesis import strategies as st

from schemas.events import OutcomeKind, SignalType, TouchChannel
from services.capture.domain.fields import ALIASES
from services.capture.domain.inputs import MOST_ANSWERS
from services.enrich.domain.answers import _QUESTIONS
from services.enrich.domain.tables import sections
from tests.support.digest import NOW, Document

# ruff: noqa: RUF001, E501  # letters of every script are the point, and some are wider than an editor counts

WRITTEN = (
    "Ada Lovelace", "DUPONT Jean", "María José Núñez y Ortega", "van der Berg, Jan", "O'Neill-McDonald", "Dr. Müller",
    "İSTANBUL ÇELİK", "Ольга Иванова", "ООО «Ромашка»", "Παπαδόπουλος", "王小明", "山田 太郎", "ﾔﾏﾀﾞ ﾀﾛｳ", "김철수",
    "株式会社トヨタ", "北京小米股份有限公司", "삼성전자 주식회사", "محمد بن عبد الله", "שָׁלוֹם בע״מ", "हिन्दी क्षेत्र", "தமிழ் நாடு", "ไทยเบฟ",
    "ខ្មែរ", "ჯორჯია", "Հայաստան", "አማርኛ", "Nguyễn Văn Ánh", "Łukasz Żółć", "Þórður Æsir", "Straße ẞ GmbH & Co. KG",
    "ＡＣＭＥ　Ｉｎｃ．", "ada＠example．com", "𝕬𝖉𝖆 𝓛𝓸𝓿𝓮", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "👩🏽‍🚀👨‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿", "ﷺ", "ŉǰΐ", "ﬀﬁ", "㈱", "ⅷ", "½", "٣٤٥", "१२३",
    "n/a", "test", "-", "null", "undefined", "None", "NaN", "true", "0", "CEO & Founder", "VP of R&D", "Geschäftsführer:in",
    "<b>Ada</b>", "'; drop table leads; --", "{first_name}", "{{7*7}}", "${jndi:ldap://x}", "\\", "..", "../../etc/passwd",
    "51-200", "10k+", "über 500", "1e308 employees", "9" * 400, "1.234.567", "<50", "United Kingdom", "DE", "Österreich",
    "Europe/London", "Etc/GMT+12", "California", "Bayern", "SaaS", "computer software", "demo_request", "pricing",
)  # fmt: skip
"""Names, companies, titles and answers; some are what others take them for."""

NASTY = (
    "\x01\x08\t\n\x0b\r\x1b\x7f\x85\xa0\xad\u0301\u034f\u0600\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f"
    "\u2028\u2029\u202a\u202e\u2066\u2069\u20e3\u3000\u3164\ufdd0\ufe0f\ufeff\ufffc\ufffd\uffff\U000e0001\U0010ffff"
    "İıßẞŉﬃǅΰªº²⁵₂①Ⅻ㈱㍿ﷺ﹪％＠．／＋０٫،؛۔।。、・ーｰ゛"
    ".,;:!?'\"`´’“”„«»()[]{}<>/\\|@#$%^&*-_+=~ "
)
IDEOGRAPHIC = tuple(
    form for section, line in sections("legal_forms.txt") if section == "ideographic" for form in line.split()
)
SPOILING = ("\x00", "\r\n", "\x1f", "\x7f", "\x85", "/", "\\", "/../", "%", "%00", "\u2028", "?", "<", "\ud7ff")
"""What is harmless as long as it is encoded."""

LEGAL_FORMS = (
    *sorted({form for _, line in sections("legal_forms.txt") for form in (*line.split(", "), *line.split())}),
    *("GmbH", "Inc.", "& Co.", "S.A.", "(株)", "e.V.", "Co., Ltd."),
)
PHONES = (
    "+44 20 7946 0958", "00 49 30 901820", "0151 23456789", "+1 (212) 555-0100 ext. 99", "tel:+81-3-1234-5678", "112",
    "+８１ ３ １２３４ ５６７８", "٠٢٠٧٩٤٦٠٩٥٨", "+999 999 999 999 999", "+870 773 111 632", "+800 1234 5678", "+1" + "0" * 300,
)  # fmt: skip
ADDRESSES = (
    "ada@example.com", "Ada Lovelace <ada.lovelace@acme.co.uk>", "info@bücher.example", "jörg@пример.рф", "x@xn--p1ai",
    "a.b.c+tag@googlemail.com", "student@uni-wien.ac.at", "ada@example.com\u200f", "ＡＤＡ＠ＥＸＡＭＰＬＥ．ＣＯＭ", "x@mailinator.com",
    '"a b"@x.de', "mailto:ada@example.com", "ada@" + "a" * 63 + ".com", "l" * 64 + "@" + ".".join(["d" * 60] * 3) + ".com",
    "İ@example.com", "ﷺ@example.com", "x@gov.uk", "x@co.uk", "x@localhost", "x@1.2.3.4",
)  # fmt: skip
MOMENTS = (
    "2026-03-03T09:59:59Z", "2026-03-03T10:04:59.999999Z", "1990-01-01T00:00:00Z", "1990-01-01T23:59:00+23:59",
    "2026-03-02T10:00:00-23:59", "2026-03-03T10:00:00+05:30", "2149-12-31T23:59:59Z",
    "2020-02-29T23:59:59.123456Z", "2026-01-01T00:00:00+00:00", "1999-12-31T23:59:59-12:00", "2026-03-29T01:30:00Z",
)  # fmt: skip
AMOUNTS = (
    0, 1, 0.1 + 0.2, 10**15, 10**15 + 1, 1e15, 1e-7, 5e-324, 1.7976931348623157e308, -0.0, "0", "-0", "1e15", "1e-18", "1e-19",
    "1e-999999", "1e999999", "999999999999999.999999999999999999", "0" * 300 + "1", "1." + "0" * 300, "1_000", "٣", "1200.50",
)  # fmt: skip
LENGTHS = (2, 63, 64, 99, 100, 101, 199, 200, 201, 253, 254, 255, 256, 999, 1_000)
LONG_LENGTHS = (1_001, 19_999, 20_000)

_any = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_nasty = st.text(st.sampled_from(NASTY), max_size=6)
_written = st.sampled_from(WRITTEN)
_forms_alone = st.lists(
    st.one_of(st.sampled_from(LEGAL_FORMS), st.sampled_from(IDEOGRAPHIC)), min_size=1, max_size=3
).map(" ".join)
_short = st.one_of(
    _written,
    _any,
    _nasty,
    _forms_alone,
    st.tuples(_written, _nasty, st.sampled_from(LEGAL_FORMS)).map(" ".join),
    st.tuples(_nasty, _written, _nasty).map("".join),
)
_spoiling = st.tuples(_written, st.sampled_from(SPOILING), _written).map("".join)
_encoded = st.tuples(st.one_of(_short, _spoiling, _spoiling), st.integers(1, 3)).map(lambda drawn: _percent(*drawn))


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _percent(text: str, times: int) -> str:
    for _ in range(times):
        text = quote(text, safe="")
    return text


def _long(lengths: tuple[int, ...]) -> st.SearchStrategy[str]:
    """Texts as long as they may be: of one piece again and again, and of letters that can't be compressed."""
    length = st.sampled_from(lengths)
    return st.one_of(
        st.builds(lambda piece, size: ((piece or "a") * size)[:size], _short, length),
        st.builds(lambda seed, size: "".join(map(chr, Random(seed).choices(_LETTERS, k=size))), st.integers(0), length),
    )


_LETTERS = [*range(0x4E00, 0x9FFF), *range(0x1F300, 0x1F9FF), *range(0x20000, 0x2A000)]
text = st.one_of(_short, _short, _short, _encoded, _long(LENGTHS))
long_text = st.one_of(text, text, _long(LONG_LENGTHS))
_links = st.sampled_from(
    ("linkedin.com/in/", "linkedin.com/in/", "https://de.linkedin.com/pub/", "https://", "http://user:p@", "www.", "//")
)
_handles = st.one_of(text, _encoded, st.sampled_from(("x%00y", "x%2500y", "x%0D%0Ay", "..%2Fx", "x%5Cy", "%00")))
link = st.tuples(_links, _handles, st.sampled_from(("", ".com", ".de/?q=%00", ":99999/", "#"))).map("".join)
address = st.one_of(
    st.sampled_from(ADDRESSES), text, st.tuples(_short, st.sampled_from(("@acme.com", "@gmail.com", "@ü.de"))).map("".join),
)  # fmt: skip
phone = st.one_of(st.sampled_from(PHONES), text, st.integers(0, 10**16).map(lambda number: f"+{number}"))
moment = st.one_of(st.sampled_from(MOMENTS), st.integers(631_152_000, int(NOW.timestamp())).map(_moment))
code = st.sampled_from(("web_form", "chat", "phone", "a" * 100, "0", "a.b:c-d_e"))
identity = st.one_of(_short, _long((199, 200))).map(lambda drawn: drawn[:200] or "0")
amount = st.sampled_from(AMOUNTS)
mode = st.sampled_from(("live", "live", "live", "history", "shadow"))
employees = st.one_of(st.sampled_from((0, 1, 9_999_999, 10_000_000, 10_000_001)), st.integers(0, 10**7))
question = st.one_of(st.sampled_from([name for asked in _QUESTIONS.values() for name in asked.split(", ")]), text)
answers = st.one_of(
    st.dictionaries(question, long_text, max_size=4),
    st.dictionaries(question, text, max_size=4),
    st.builds(
        lambda count, size, value: {f"question {number}": (value * size)[:size] for number in range(count)},
        st.sampled_from((1, MOST_ANSWERS, MOST_ANSWERS + 1)), st.sampled_from((1, 380, 390)), _short,
    ),
)  # fmt: skip


def some(fields: dict[str, st.SearchStrategy[Any]], **always: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A document with a few of the fields, and with all of `always`."""
    few = st.lists(st.sampled_from(sorted(fields)), min_size=min(2, len(fields)), max_size=8, unique=True)
    return few.flatmap(lambda names: st.fixed_dictionaries({**always, **{name: fields[name] for name in names}}))


PERSON: dict[str, st.SearchStrategy[Any]] = {
    "name": text, "given_name": text, "family_name": text, "email": address, "phone": phone, "title": text,
    "linkedin_url": link, "message": long_text, "answers": answers,
}  # fmt: skip
COMPANY = some(
    {
        "name": st.one_of(text, _forms_alone),
        "website": link,
        "employees": employees,
        "industry": text,
        "country": text,
        "region": text,
    }
)
ATTRIBUTION = some(
    {f"utm_{name}": text for name in ("source", "medium", "campaign", "term", "content")} | {"referrer": link}
)
CONSENT = some({"marketing": st.booleans(), "wording": long_text, "given_at": moment})
LEAD = PERSON | {
    "id": identity, "channel": code, "source": text, "mode": mode, "submitted_at": moment, "company": COMPANY | text,
    "attribution": ATTRIBUTION, "consent": CONSENT | st.booleans(),
}  # fmt: skip
FACT: dict[str, st.SearchStrategy[Any]] = {
    "id": identity, "source": text, "mode": mode, "occurred_at": moment, "channel": code, "rep": code,
}  # fmt: skip
SIGNAL = {name: FACT[name] for name in FACT if name != "rep"} | {"detail": text}
OUTCOME = FACT | {"currency": st.sampled_from(("EUR", "XXX"))}
TOUCH = {name: FACT[name] for name in FACT if name != "channel"} | {"subject": text, "body": long_text}


PROMISING = {
    "source": "demo",
    "title": "CTO",
    "consent": True,
    "phone": "+44 20 7946 0958",
    "company": {"employees": 500},
}
"""What gets an owner and messages: most of what is drawn would be parked."""


_numbers = count(20_000_000)


def _kinds(literal: Any) -> st.SearchStrategy[str]:
    return st.sampled_from(get_args(literal))


def _sent(kind: Any, drawn: dict[str, Any]) -> Document:
    """As JSON; what is told of the past needs its time."""
    when = "submitted_at" if kind == "lead" else "occurred_at"
    if drawn.get("mode", "live") != "live":
        drawn = {when: MOMENTS[0], **drawn}
    return Document(kind, orjson.dumps(drawn))


def _with_person(drawn: dict[str, Any]) -> dict[str, Any]:
    """The person's fields together, which is the other way to send them."""
    rest = {name: value for name, value in drawn.items() if name not in PERSON}
    return {**rest, "person": {name: value for name, value in drawn.items() if name in PERSON}}


@st.composite
def enquiries(draw: st.DrawFn) -> list[Document]:
    """One lead's documents: what it submits, and what is reported of it."""
    number = next(_numbers) // 2  # every lead enquires twice
    ids = draw(st.sampled_from(({}, {}, {"s" * 100: str(number) + "\U0001f980" * 190}))) | {"crm": str(number)}
    known = draw(st.sampled_from(({}, PROMISING, {**PROMISING, "email": f"ada@firm{number}.com"})))
    known = known and {**known, "phone": f"+44 20 {number % 10**8:08}"}
    drawn = some(LEAD, external_ids=st.just(ids)).map(lambda fields: {**known, **fields})
    submissions = st.one_of(drawn, drawn.map(_with_person)).map(lambda fields: _sent("lead", fields))
    facts = st.one_of(
        some(SIGNAL, external_ids=st.just(ids), signal=_kinds(SignalType)).map(lambda drawn: _sent("signal", drawn)),
        some(OUTCOME, external_ids=st.just(ids), outcome=_kinds(OutcomeKind), value=amount, reason=text).map(
            lambda drawn: _sent("outcome", drawn)
        ),
        some(TOUCH, external_ids=st.just(ids), channel=_kinds(TouchChannel)).map(lambda drawn: _sent("touch", drawn)),
        submissions,
    )
    return [draw(submissions), *draw(st.lists(facts, max_size=4))]


_field_name = st.one_of(st.sampled_from([name for names in ALIASES.values() for name in names]), question)
_fields = st.lists(st.tuples(_field_name, st.one_of(long_text, address, link)), max_size=8)


@st.composite
def forms(draw: st.DrawFn) -> list[Document]:
    """A form that somebody filled in."""
    fields = [("email", draw(st.one_of(st.just("ada@example.com"), address))), *draw(_fields), ("phone", draw(phone))]
    return [Document("lead", urlencode(fields).encode(), "application/x-www-form-urlencoded")]


documents = st.one_of(enquiries(), enquiries(), forms())


def _once(name: str, **fields: Any) -> list[Document]:
    """A lead that its system knows by this name, and a call of theirs."""
    who = {"external_ids": {"crm": name}}
    return [_sent("lead", {**who, **PROMISING, **fields}), _sent("signal", {**who, "signal": "call"})]


KNOWN: tuple[Document, ...] = (
    *(each for form in (*IDEOGRAPHIC, "(GmbH)", "& Co.", "S.A. de C.V.", "-") for each in _once(form, company=form)),
    *(
        each
        for handle in ("x%00y", "x%2500y", "..%2Fx", "%00")
        for each in _once(handle, linkedin_url=f"linkedin.com/in/{handle}", consent={"marketing": True})
    ),
    *_once("long", id="\U0001f980" * 200, source="".join(map(chr, Random(1).choices(_LETTERS, k=1_000)))),
    *_once("sold"),
    *(
        _sent("outcome", {"external_ids": {"crm": "sold"}, "outcome": "won", "value": value, "currency": "EUR"})
        for value in AMOUNTS
    ),
)
"""What once stopped a service, or nearly did: tried each time, whatever is drawn besides."""
