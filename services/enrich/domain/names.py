"""Names of people: full, given and family name from whatever was submitted.

Names follow no rules that hold everywhere, so what is ambiguous stays whole: a name in another script than Latin
is cleaned and left as it is, and a greeting can fall back on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from policy.reading.text import clean, fold, is_latin
from services.enrich.domain.placeholders import is_placeholder
from services.enrich.domain.tables import words_in

_GENERATIONS = frozenset({"junior", "filho", "neto", "sobrinho"})
"""What follows a Portuguese family name and belongs to it."""

_PARENTHESISED = re.compile(r"\([^)]*\)|\[[^\]]*\]|\"[^\"]*\"|“[^”]*”|„[^“]*“")
_NOT_A_NAME = re.compile(r"https?:|www\.|@|\d{3,}|[<>{}=|\\^~]")
_LETTER_START = re.compile(r"(?:^|(?<=[-'\u2019.\s]))[^\W\d_]")
_FAMILY_FIRST = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""Japanese, Chinese and Korean letters: the family name is written first."""

_NAME_EDGES = " .,;:-_'\"*/+!?#&"
_MC = re.compile(r"\bMc([a-z])")
_PLAIN = re.compile("((?!Mc)[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+) ([A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+)")
"""Two words in Western European letters, each with one capital."""

_LOCAL_PART = re.compile(r"([^\W\d_]{2,})[._]([^\W\d_]{2,}(?:-[^\W\d_]{2,})?)")


class PersonName(NamedTuple):
    """A name; `given` and `family` are None where they can't be told apart."""

    full: str
    given: str | None
    family: str | None
    confidence: float


def read_name(full: str | None, given: str | None, family: str | None) -> PersonName | None:
    """The name from the fields of a form: its own given and family name before the full one."""
    first, last, whole = clean(given), clean(family), clean(full)
    if first and last and fold(first) == fold(last):  # one field that was copied into both
        whole, first, last = whole or first, None, None
    if first and last:
        return _from_parts(first, last)
    if whole:
        return _read_full(whole)
    if last:
        return _family_only(last)
    return _read_full(first) if first else None


def name_from_local_part(local: str) -> PersonName | None:
    """A guess from an address such as `jane.doe@`, where it has that form."""
    found = _LOCAL_PART.fullmatch(local.partition("+")[0])
    if found is None:
        return None
    first, last = (_capitalised(part.lower()) for part in found.groups())
    return PersonName(full=f"{first} {last}", given=first, family=last, confidence=0.4)


def _from_parts(first: str, last: str) -> PersonName | None:
    if _says_nothing(f"{first} {last}"):
        return None
    if not (is_latin(first) and is_latin(last)):
        full = f"{last} {first}" if _FAMILY_FIRST.match(last) else f"{first} {last}"
        return PersonName(full=full, given=first, family=last, confidence=0.95)
    givens = _without_titles(_tokens(first))
    families = _without_suffixes(_tokens(last))
    if not givens or not families:
        return _read_full(f"{first} {last}")
    if [fold(token) for token in givens[-len(families) :]] == [fold(token) for token in families]:
        givens = givens[: -len(families)] or givens  # "Jane Doe" in the first field, "Doe" in the second
    return _named(givens, families, confidence=0.95)


def _read_full(text: str) -> PersonName | None:
    return _plain_name(text) or _read_any(text)


def _plain_name(text: str) -> PersonName | None:
    """Reads what most people write, such as `Zoë Turing`, quicker; None where a word may be more than a name."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    folded = fold(text).split(" ")
    if folded[0] == folded[1] or not _listed_words().isdisjoint(folded) or "".join(folded) in _listed("placeholders"):
        return None
    return PersonName(full=text, given=found[1], family=found[2], confidence=0.85)


def _read_any(text: str) -> PersonName | None:
    if _says_nothing(text):
        return None
    bare = _PARENTHESISED.sub(" ", text)
    if not is_latin(bare):
        return PersonName(full=text, given=None, family=None, confidence=0.8)
    givens, families = _split(bare)
    if givens and families:
        return _named(givens[:1], families, confidence=0.85, middle=givens[1:])
    return _named(givens, families, confidence=0.5) if givens or families else None


def _family_only(text: str) -> PersonName | None:
    if _says_nothing(text) or not is_latin(text):
        return _read_full(text)
    families = _without_suffixes(_tokens(text))
    return _named([], families, confidence=0.5) if families else None


def _says_nothing(text: str) -> bool:
    tokens = set(fold(text).split())
    return is_placeholder(text) or (len(tokens) == 1 and is_placeholder(tokens.pop())) or bool(_NOT_A_NAME.search(text))


def _named(
    givens: Sequence[str], families: Sequence[str], *, confidence: float, middle: Sequence[str] = ()
) -> PersonName:
    together = " ".join([*givens, *middle, *families])
    plain = together.isupper() or together.islower()
    given, between, family = (_recased(part, plain=plain) for part in (givens, middle, families))
    given = _capitalised(given)
    return PersonName(
        full=" ".join(part for part in (given, between, family) if part),
        given=given or None,
        family=family or None,
        confidence=confidence,
    )


def _split(text: str) -> tuple[list[str], list[str]]:
    """The tokens of the given and of the family name, titles and degrees left out."""
    before, comma, after = text.partition(",")
    if comma:
        family = _without_titles(_tokens(before))
        given = _without_titles(_without_suffixes(_tokens(after.replace(",", " "))))
        if given and family:
            return given, family
        text = before  # "Jane Doe, PhD"
    everything = _tokens(text)
    tokens = _without_suffixes(_without_titles(everything))
    if len(tokens) == 1 and _is_title(everything[0]):  # "Dr. Müller"
        return [], tokens
    at = _family_starts(tokens)
    return tokens[:at], tokens[at:]


def _family_starts(tokens: Sequence[str]) -> int:
    """Where the family name begins: at the first particle, else at the last word and its generation."""
    if len(tokens) < 2:
        return len(tokens)
    folded = [fold(token).strip(".") for token in tokens]
    if folded[0] in _listed("particles") and (
        folded[1] in _listed("particles") or (tokens[0].islower() and not tokens[-1].islower())
    ):
        return 0
    for index in range(1, len(tokens) - 1):
        if folded[index] in ("y", "e"):  # Ortega y Gasset
            return max(1, index - 1)
        if folded[index] in _listed("particles"):
            return index
    return max(1, len(tokens) - (2 if folded[-1] in _GENERATIONS else 1))


def _tokens(text: str) -> list[str]:
    stripped = (token.strip(' ,;:_*/+!?#&"') for token in text.split())
    return _family_last([token for token in stripped if token.strip(_NAME_EDGES)])


def _family_last(tokens: list[str]) -> list[str]:
    """Moves a family name that is set apart by capitals to the end, as in the French `DUPONT Jean`."""
    loud = [token for token in tokens if len(token) > 2 and token.isupper()]
    if not loud or len(loud) == len(tokens) or tokens[: len(loud)] != loud:
        return tokens
    rest = tokens[len(loud) :]
    return [*rest, *loud] if all(token[0].isupper() and len(token) > 2 for token in rest) else tokens


def _bare(token: str) -> str:
    return fold(token).replace(".", "")


def _without_titles(tokens: Sequence[str]) -> list[str]:
    start = 0
    while start < len(tokens) and _is_title(tokens[start]):
        start += 1
    return list(tokens[start:])


def _is_title(token: str) -> bool:
    bare = _bare(token)
    return bare in _listed("forms of address") and (bare not in _listed("address or name") or token.endswith("."))


def _without_suffixes(tokens: Sequence[str]) -> list[str]:
    """Without degrees and generations at the end; nothing is left where there were only those."""
    end = len(tokens)
    while end and _is_suffix(tokens[end - 1], before=end - 1):
        end -= 1
    return list(tokens[:end])


def _is_suffix(token: str, *, before: int) -> bool:
    bare = _bare(token)
    if bare in _listed("degree or name"):
        return before >= 2 and (token.isupper() or token.endswith("."))
    return bare in _listed("degrees and generations")


def _recased(tokens: Sequence[str], *, plain: bool) -> str:
    """The tokens as names are written; `plain` when the whole name was all capitals or all small."""
    return " ".join(_recased_token(token, plain=plain) for token in tokens)


def _recased_token(token: str, *, plain: bool) -> str:
    folded = fold(token)
    if folded in _listed("particles") and (plain or token.isupper()):
        return folded
    loud = token.isupper() and (plain or len(token) > 2)
    # Only what follows the first letter: the small form of a Turkish İ is two characters.
    small = token[0] + token[1:].replace("İ", "i").lower() if loud else token
    return _capitalised(small) if plain or loud else small


def _capitalised(name: str) -> str:
    """`o'neill-mcdonald` as `O'Neill-McDonald`."""
    raised = _LETTER_START.sub(lambda found: found[0].upper(), name)
    return _MC.sub(lambda found: f"Mc{found[1].upper()}", raised)


@cache
def _listed_words() -> frozenset[str]:
    """Every word that means something beside a name or in it."""
    sections = ("particles", "forms of address", "address or name", "degrees and generations", "degree or name")
    return frozenset({"y", "e"}.union(_GENERATIONS, *map(_listed, sections)))


def _listed(section: str) -> frozenset[str]:
    return words_in("words.txt")[section]
