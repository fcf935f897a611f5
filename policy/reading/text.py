"""Text as people type it, cleaned and folded for comparing."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 200
"""Characters of one cleaned value; nobody's name, title or company needs more, and casefolding may double them."""

_EMOJI = re.compile(
    "["
    "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f"
    "\u20e3\ufe0e\ufe0f"
    "]"
)
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffd]")
# Joiners shape Persian and Indic words; at the edge of a word they are what an emoji left behind.
_STRAY_JOINER = re.compile("(?<!\\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\\w)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_WORD = re.compile(r"[^\W_]+")
_DOTTED = re.compile(r"(?<!\w)(?:\w\.){2,}\w?(?!\w)")

_UNDECOMPOSED = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i", "ħ": "h"}
)
"""Letters that Unicode does not take apart into a base and an accent."""


def clean(text: str | None) -> str | None:
    """Gives one line without emoji, control and invisible characters; None when nothing is left."""
    if not text:
        return None
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text)
        text = _CONTROL.sub(" ", text)
        text = _STRAY_JOINER.sub("", _EMOJI.sub("", _INVISIBLE.sub("", text)))
    text = " ".join(text.split())
    return text[:MAX_LENGTH].rstrip() or None


def fold(text: str) -> str:
    """Gives lower case without accents, for comparing: `Müller & Søn` is `muller & son`."""
    if text.isascii():
        return text.lower()
    # Twice: what is decomposed may be a capital, and its small letter may be decomposed again.
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_UNDECOMPOSED)
    decomposed = unicodedata.normalize("NFKD", decomposed)
    kept = "".join(ch for ch in decomposed if not "\u0300" <= ch <= "\u036f")
    return unicodedata.normalize("NFC", kept)


def words(text: str) -> tuple[str, ...]:
    """Gives the folded words; a dotted abbreviation is one: `V.P. of R&D` is `vp`, `of`, `r`, `d`."""
    folded = fold(text)
    if "." in folded:
        folded = _DOTTED.sub(lambda found: found[0].replace(".", ""), folded)
    return tuple(_WORD.findall(folded))


def is_latin(text: str) -> bool:
    """Tells whether every letter is a Latin one."""
    if text.isascii():
        return True
    return all(
        unicodedata.name(letter, "").startswith("LATIN") for letter in text if letter.isalpha() and not letter.isascii()
    )
