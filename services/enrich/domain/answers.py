"""Further form fields that say something we look for, whatever the form calls them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal

from policy.reading.text import MAX_LENGTH, words

Asked = Literal["title", "company", "website", "employees", "industry", "country", "region", "timezone", "linkedin"]

_QUESTIONS: Mapping[Asked, str] = {
    "title": "title, job title, jobtitle, your job title, role, job role, position, occupation,"
    " beruf, funktion, fonction, poste, cargo, puesto",
    "company": "company name, organization, organisation, employer, firma, unternehmen, entreprise, societe, empresa",
    "website": "website, company website, url, homepage, webseite, site web, sitio web, site",
    "employees": "employees, number of employees, company size, employee count, headcount, team size, num employees,"
    " company employees, mitarbeiter, mitarbeiterzahl, anzahl mitarbeiter, unternehmensgrosse, effectif,"
    " taille de l entreprise, empleados, numero de empleados, tamano de la empresa, funcionarios,"
    " numero de funcionarios, tamanho da empresa",
    "industry": "industry, sector, vertical, branche, secteur, secteur d activite, industria, setor, segmento, ramo",
    "country": "country, country region, land, pays, pais",
    "region": "state, region, province, state region, bundesland, estado, provincia",
    "timezone": "timezone, time zone, tz, zeitzone",
    "linkedin": "linkedin, linkedin url, linkedin profile, linkedin profile url",
}
"""What forms ask, folded."""

_LONGEST_QUESTION = 60


@cache
def _asked() -> Mapping[str, Asked]:
    return {question: asked for asked, questions in _QUESTIONS.items() for question in questions.split(", ")}


@lru_cache(maxsize=4096)
def _asks_for(question: str) -> Asked | None:
    return _asked().get(" ".join(words(question.replace("_", " "))))


def read_answers(answers: Mapping[str, str]) -> Mapping[Asked, str]:
    """The answers that we know what to do with; of two to one question, the first."""
    found: dict[Asked, str] = {}
    for question, answer in answers.items():
        asked = _asks_for(question) if len(question) <= _LONGEST_QUESTION else None
        if asked and answer:
            found.setdefault(asked, answer[:MAX_LENGTH])
    return found
