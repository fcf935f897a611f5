"""Reads YAML into plain values, and remembers at which line and column each key and value stands.

A YAML library that builds objects stops at the first duplicate key and forgets positions; so this builds the
values itself from the library's node tree, and collects everything that is wrong on the way.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Place = tuple[str | int, ...]
"""Keys and list positions from the root of the document."""

MAX_CHARACTERS = 2_000_000
MAX_VALUES = 200_000
"""Aliases can make a small file large; no honest one comes near this."""

# What the library answers with Python's own exceptions, and no policy needs.
_REFUSED = (
    (re.compile(r"(?:^|[\r\n\x85\u2028\u2029\ufeff])(%)"), "begins with %; directives such as %YAML are not supported"),
    (re.compile(r"(\\U(?!000|0010)[0-9A-Fa-f]{8})"), "is beyond the last character of Unicode, \\U0010FFFF"),
)
_TAG = "tag:yaml.org,2002:"
_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")


class Spot(NamedTuple):
    """A position in the text, both counted from 1, and how many characters it spans on its line."""

    line: int
    column: int
    width: int = 1


class Fault(NamedTuple):
    """Something that is wrong with the YAML itself."""

    spot: Spot
    place: Place
    message: str


@dataclass
class YamlSource:
    """A YAML document: its value, where everything stands, and what is wrong with it."""

    text: str
    value: Any = None
    faults: list[Fault] = field(default_factory=list)
    keys: dict[Place, Spot] = field(default_factory=dict)
    values: dict[Place, Spot] = field(default_factory=dict)

    def spot(self, place: Place, *, key: bool = False) -> Spot:
        """Where the value (or, with `key`, the key) of `place` stands; else where what it belongs in does."""
        if key and place in self.keys:
            return self.keys[place]
        for length in range(len(place), -1, -1):
            if place[:length] in self.values:
                return self.values[place[:length]] if length == len(place) else self._heading(place[:length])
        return Spot(1, 1)

    def _heading(self, place: Place) -> Spot:
        return self.keys.get(place) or self.values[place]


def read_yaml(text: str) -> YamlSource:
    """Reads one YAML 1.2 document; what is wrong with it is in `faults`, never raised."""
    source = YamlSource(text)
    refusal = _refusal(text)
    if refusal is None:
        try:
            _Builder(source).build(_compose(text))
        except MarkedYAMLError as error:
            refusal = _marked(error)
        except ReaderError as error:
            refusal = _forbidden(text, error)
        except RecursionError:
            refusal = Spot(1, 1), "is nested too deeply"
    if refusal is not None:
        source.faults.append(Fault(refusal[0], (), refusal[1]))
    return source


def _refusal(text: str) -> tuple[Spot, str] | None:
    """Returns why `text` isn't even tried."""
    if len(text) > MAX_CHARACTERS:
        return Spot(1, 1), f"is longer than {MAX_CHARACTERS:,} characters"
    for refused, message in _REFUSED:
        if found := refused.search(text):
            return _spot_at(text, found.start(1)), message
    return None


def _compose(text: str) -> Node | None:
    with warnings.catch_warnings():
        # YAML allows an anchor to be defined anew; the latest counts.
        warnings.simplefilter("ignore", ReusedAnchorWarning)
        return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]  # untyped there


def _forbidden(text: str, error: ReaderError) -> tuple[Spot, str]:
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return _spot_at(text, error.position), f"holds a character that YAML forbids (U+{code:04X}); delete it"


def _spot_at(text: str, position: int) -> Spot:
    line_start = text.rfind("\n", 0, position) + 1
    return Spot(text.count("\n", 0, position) + 1, position - line_start + 1)


def _marked(error: MarkedYAMLError) -> tuple[Spot, str]:
    problem = error.problem or "it can't be read"
    # What is never closed is noticed at the end of the file, and has to be mended where it was opened.
    at_end = "end of stream" in problem or "stream end" in problem
    mark = (error.context_mark if at_end else error.problem_mark) or error.problem_mark or error.context_mark
    spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
    if "'\\t'" in problem:
        return spot, "a tab is used for indentation; YAML wants spaces"
    if "mapping values are not allowed" in problem:
        return spot, "a second `: ` on one line, or a wrong indentation; quote text that holds `: `"
    context = f" ({error.context})" if error.context else ""
    return spot, f"is not YAML: {problem}{context}"


class _Builder:
    """Turns nodes into values, recording places and faults."""

    def __init__(self, source: YamlSource) -> None:
        self.source = source
        self.open: set[int] = set()  # nodes being built, to notice an alias to its own parent
        self.count = 0

    def build(self, root: Node | None) -> None:
        if root is None:
            self.source.faults.append(Fault(Spot(1, 1), (), "is empty"))
        else:
            self.source.value = self.value(root, ())

    def fault(self, node: Node, place: Place, message: str) -> None:
        self.source.faults.append(Fault(_spot(node), place, message))

    def value(self, node: Node, place: Place) -> Any:
        self.source.values[place] = _spot(node)
        self.count += 1
        if self.count == MAX_VALUES:
            self.fault(node, place, f"has more than {MAX_VALUES:,} values; are aliases multiplying?")
        if self.count >= MAX_VALUES:
            return None
        if isinstance(node, ScalarNode):
            return self.scalar(node, place)
        if id(node) in self.open:
            self.fault(node, place, f"the anchor `&{node.anchor}` contains itself")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
            return self.mapping(node, place) if isinstance(node, MappingNode) else None
        finally:
            self.open.remove(id(node))

    def scalar(self, node: ScalarNode, place: Place) -> Any:
        tag, text = str(node.tag), str(node.value)
        if not tag.startswith(_TAG):
            self.fault(node, place, f"the tag `{tag}` is not supported; write a plain value")
            return None
        return _plain(tag.removeprefix(_TAG), text)

    def mapping(self, node: MappingNode, place: Place) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        written: dict[Any, Spot] = {}
        merged: list[tuple[Node, Node]] = []
        for key_node, value_node in node.value:
            if str(key_node.tag) == f"{_TAG}merge":
                merged += self.merged(value_node, place)
                continue
            key = self.key(key_node, place)
            if key is None:
                continue
            if key in written:
                message = f"the key `{key}` is already given on line {written[key].line}; keep one of them"
                self.fault(key_node, (*place, key), message)
                continue
            written[key] = _spot(key_node)
            built[key] = self.entry(key_node, value_node, (*place, key))
        for key_node, value_node in merged:
            key = self.key(key_node, place)
            if key is not None and key not in built:
                built[key] = self.entry(key_node, value_node, (*place, key))
        return built

    def entry(self, key_node: Node, value_node: Node, place: Place) -> Any:
        self.source.keys[place] = _spot(key_node)
        value = self.value(value_node, place)
        if value is None:  # what isn't there has no position of its own
            self.source.values[place] = self.source.keys[place]
        return value

    def key(self, node: Node, place: Place) -> str | int | None:
        if not isinstance(node, ScalarNode):
            self.fault(node, place, "a key must be plain text")
            return None
        value = self.scalar(node, place)
        return value if isinstance(value, int) and not isinstance(value, bool) else str(node.value)

    def merged(self, node: Node, place: Place) -> Iterator[tuple[Node, Node]]:
        for each in node.value if isinstance(node, SequenceNode) else [node]:
            if isinstance(each, MappingNode):
                yield from each.value
            else:
                self.fault(each, place, "`<<` merges mappings only, such as `<<: *defaults`")


def _spot(node: Node) -> Spot:
    start, end = node.start_mark, node.end_mark
    width = end.column - start.column if end.line == start.line else 1
    return Spot(start.line + 1, start.column + 1, max(width, 1))


def _plain(tag: str, text: str) -> Any:
    """Returns the value of a plain scalar; what its tag does not explain stays text."""
    try:
        match tag:
            case "null":
                return None
            case "int":
                sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
                return sign * int(digits, 0 if digits[:2].lower() in ("0x", "0o", "0b") else 10)
            case "float":
                return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            case "bool" if text.lower() in _TRUE + _FALSE:
                return text.lower() in _TRUE
    except ValueError:
        return text
    return text
