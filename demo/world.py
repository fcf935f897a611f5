"""The names, places and words that people are made of; they stand in `world.json`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

Words = tuple[str, ...]


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Country(_Listed):
    """Where people come from. `phones` are patterns of national numbers, # a digit: where a country has numbers
    reserved for fiction, those.
    """

    code: str
    weight: float = Field(gt=0)
    language: str
    currency: str
    timezone: str
    stated: Words
    phones: Words
    free_mail: Words
    given: Words
    family: Words


class CompanyWords(_Listed):
    """What company names are put together from; `second` and `stated_industry` by industry, `form` by country."""

    first: Words
    second: Mapping[str, Words]
    stated_industry: Mapping[str, Words]
    form: Mapping[str, str]


class World(_Listed):
    """All of it. Titles by seniority and language; misspelt mail domains by the right one."""

    countries: tuple[Country, ...]
    titles: Mapping[str, Mapping[str, Words]]
    companies: CompanyWords
    disposable: Words
    misspelt: Mapping[str, Words]
    pages: Words
    assets: Words
    messages: Words
    lost: Words
    returned: Words


@cache
def world() -> World:
    """The one world there is."""
    return World.model_validate_json(Path(__file__).with_name("world.json").read_bytes())
