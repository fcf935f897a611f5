"""Job titles in several languages: seniority and department, by whole words."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.reading.text import fold
from services.enrich.domain.tables import sections
from services.enrich.domain.title import read_title

TITLES: list[tuple[str, str | None, str | None]] = [
    # English
    ("VP of Engineering", "vp", "engineering"),
    ("V.P. of R&D", "vp", "engineering"),
    ("Senior Vice President, Finance", "vp", "finance"),
    ("Head of Sales", "director", "sales"),
    ("Global Head, Partnerships", "director", "sales"),
    ("Co-Founder & CTO", "founder", "engineering"),
    ("Founder & CEO", "founder", "executive"),
    ("Owner", "founder", "executive"),
    ("CEO", "c_level", "executive"),
    ("Chief Operating Officer", "c_level", "operations"),
    ("Chief Customer & Revenue Operations Officer", "c_level", "sales"),
    ("Managing Director, Sales", "c_level", "sales"),
    ("Interim CFO", "c_level", "finance"),
    ("Chief of Staff", "director", None),
    ("Marketing Director", "director", "marketing"),
    ("Product Manager", "manager", "product"),
    ("Team Lead Customer Success", "manager", "support"),
    ("International Sales Manager", "manager", "sales"),
    ("Senior Software Engineer", "senior", "engineering"),
    ("Principal Product Designer", "senior", "product"),
    ("Software Engineer", "individual", "engineering"),
    ("Internal Auditor", "individual", "finance"),
    ("Lead Generation Specialist", "individual", "marketing"),
    ("Data Scientist", "individual", "data"),
    ("Marketing Intern", "intern", "marketing"),
    ("PhD Student", "student", None),
    ("Director of Student Affairs", "director", "education"),
    ("Executive Assistant to the CEO", "individual", None),
    ("Assistant Director", "director", None),
    ("Ex-CEO, Advisor", "individual", None),
    ("Sales", None, "sales"),
    # German
    ("Geschäftsführer", "c_level", "executive"),
    ("Geschäftsführerin (m/w/d)", "c_level", "executive"),
    ("Inhaber", "founder", "executive"),
    ("Vertriebsleiterin", "director", "sales"),
    ("Leiter Einkauf", "director", "operations"),
    ("IT-Leiter", "director", "it"),
    ("Projektleiter", "manager", None),
    ("Vertriebsmitarbeiter", "individual", "sales"),
    ("Software-Entwickler", "individual", "engineering"),
    ("Werkstudent Marketing", "intern", "marketing"),
    ("Studentin", "student", None),
    # French
    ("Directrice Marketing", "director", "marketing"),
    ("Directeur commercial", "director", "sales"),
    ("PDG", "c_level", "executive"),
    ("Directeur Général", "c_level", "executive"),
    ("Responsable RH", "manager", "hr"),
    ("Chargée de communication", "individual", "marketing"),
    ("Ingénieur commercial", "individual", "sales"),
    ("Stagiaire", "intern", None),
    ("Étudiante", "student", None),
    # Spanish
    ("Director General", "c_level", "executive"),
    ("Director de Marketing", "director", "marketing"),
    ("Jefe de Ventas", "manager", "sales"),
    ("Socia fundadora", "founder", "executive"),
    ("Desarrolladora", "individual", "engineering"),
    ("Becario", "intern", None),
    # Portuguese
    ("Sócio-fundador", "founder", "executive"),
    ("Diretor de Tecnologia", "director", "engineering"),
    ("Gerente de Vendas", "manager", "sales"),
    ("Coordenadora de RH", "manager", "hr"),
    ("Analista de dados", "individual", "data"),
    ("Estagiário de Marketing", "intern", "marketing"),
    ("Estudante", "student", None),
    # What says nothing
    ("Working Professional", None, None),
    ("代表取締役", None, None),
]


@pytest.mark.parametrize(("written", "seniority", "department"), TITLES)
def test_a_title_says_how_senior_and_where(written: str, seniority: str | None, department: str | None) -> None:
    title = read_title(written)
    assert title is not None
    assert (title.seniority, title.department) == (seniority, department)


@pytest.mark.parametrize(("written", "seniority", "department"), TITLES)
def test_capitals_change_nothing(written: str, seniority: str | None, department: str | None) -> None:
    title = read_title(written.upper())
    assert title is not None
    assert (title.seniority, title.department) == (seniority, department)


@pytest.mark.parametrize("written", ["Internist", "Internationalist", "Studentenwerk", "Vpx", "Directory", "Ceonomist"])
def test_a_word_within_a_word_is_not_matched(written: str) -> None:
    title = read_title(written)
    assert title is not None
    assert title.seniority is None


@pytest.mark.parametrize("written", [None, "", "-", "n/a", "🚀"])
def test_no_title_is_nothing_known(written: str | None) -> None:
    assert read_title(written) is None


def test_the_title_itself_is_kept_as_written() -> None:
    title = read_title("  Head of Sales (m/w/d) 🚀")
    assert title is not None
    assert title.title == "Head of Sales"


def test_every_phrase_stands_in_the_table_once() -> None:
    phrases = Counter(phrase for _, line in sections("titles.txt") for phrase in line.split(", "))
    assert [phrase for phrase, times in phrases.items() if times > 1] == []


def test_every_phrase_is_written_as_titles_are_compared() -> None:
    phrases = {phrase for _, line in sections("titles.txt") for phrase in line.split(", ")}
    odd = {p for p in phrases if fold(p) != p or not p.replace(" ", "").strip("*").isalnum() or p != p.strip()}
    assert odd == set()


@given(st.text(max_size=120))
def test_no_text_upsets_the_reading_of_a_title(text: str) -> None:
    title = read_title(text)
    assert title is None or title.title


@given(st.permutations(["Founder", "CTO", "Engineer"]))
def test_the_order_of_roles_does_not_change_the_seniority(roles: list[str]) -> None:
    title = read_title(" / ".join(roles))
    assert title is not None
    assert title.seniority == "founder"
