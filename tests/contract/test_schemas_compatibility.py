"""Readers understand all of history; and the guard that says so rejects what would break them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schemas.compatibility import Break, UnknownKeywordError, breaks
from schemas.event_schemas import event_types, schema_of
from schemas.generate import FOLDER, incompatibilities, releases
from schemas.topics import BY_NAME

RELEASES = releases()
OLD_EXAMPLES = [path for release in RELEASES for path in sorted(release.glob("examples/*/*.json"))]
TYPES = list(event_types())
Json = dict[str, Any]


@cache
def schema(event_type: str) -> Json:
    return schema_of(event_types()[event_type])


# ── what was released stays readable ──────────────────────────────────────────────────────────────


def test_there_is_a_release_and_their_numbers_have_no_gap() -> None:
    assert [path.name for path in RELEASES] == [str(number) for number in range(1, len(RELEASES) + 1)]
    assert RELEASES


def test_today_s_schemas_read_everything_written_under_a_released_one() -> None:
    assert list(incompatibilities()) == [], "events may only gain: optional fields, further values, new types"


@pytest.mark.parametrize("path", OLD_EXAMPLES, ids=lambda path: str(path.relative_to(FOLDER / "history")))
def test_an_example_of_a_released_version_is_read_by_today_s_models_and_loses_nothing(path: Path) -> None:
    old = json.loads(path.read_text())
    event = BY_NAME[path.parent.name].decode(path.read_bytes())
    known = {"fraud_check", "device", "knownsince"}  # what the example from a newer writer has of its own
    assert _lost(old, json.loads(event.to_json())) <= known


def _lost(old: Any, new: Any) -> set[str]:
    """Names of fields that are in `old` and not at the same place in `new`."""
    if isinstance(old, dict):
        gone = set(old) - set(new)
        return gone.union(*(_lost(inner, new[name]) for name, inner in old.items() if name in new))
    if isinstance(old, list):
        return set().union(*(_lost(*pair) for pair in zip(old, new, strict=True)))
    return set()


def test_every_release_has_an_example_of_each_of_its_types() -> None:
    for release in RELEASES:
        shown = {json.loads(path.read_text())["type"] for path in release.glob("examples/*/*.json")}
        assert shown == {path.stem for path in (release / "json").iterdir()}


# ── the guard rejects, wherever in a schema it happens ────────────────────────────────────────────


def places(schema: Json, keyword: str) -> Iterator[tuple[str | int, ...]]:
    """The paths of all schemas within `schema` that use a keyword."""

    def walk(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if isinstance(node, dict):
            if keyword in node and (not path or path[-1] not in ("properties", "$defs")):
                yield path
            for name, inner in node.items():
                if name not in ("default", "if", "then"):
                    yield from walk(inner, (*path, name))
        elif isinstance(node, list):
            for index, inner in enumerate(node):
                yield from walk(inner, (*path, index))

    return walk(schema, ())


def at(schema: Json, path: tuple[str | int, ...]) -> Json:
    found: Any = schema
    for part in path:
        found = found[part]
    assert isinstance(found, dict)
    return found


def mutated(schema: Json, keyword: str, change: Callable[[Json], Iterator[Json]]) -> Iterator[tuple[str, Json]]:
    """Copies of `schema` that are changed in one place each."""
    for path in places(schema, keyword):
        for changed in change(at(schema, path)):
            yield "/".join(map(str, path)), replaced(schema, path, changed)


def replaced(node: Any, path: tuple[str | int, ...], changed: Json) -> Any:
    """`node` with what is at `path` replaced; the rest is shared."""
    if not path:
        return changed
    inner = replaced(node[path[0]], path[1:], changed)
    if isinstance(node, list):
        return [inner if index == path[0] else item for index, item in enumerate(node)]
    return {**node, path[0]: inner}


def without_a_property(node: Json) -> Iterator[Json]:
    for name in node["properties"]:
        left = {key: value for key, value in node["properties"].items() if key != name}
        yield {**node, "properties": left, "required": [key for key in node.get("required", ()) if key != name]}


def with_a_property_renamed(node: Json) -> Iterator[Json]:
    for name in node["properties"]:
        renamed = {(f"{key}_new" if key == name else key): value for key, value in node["properties"].items()}
        yield {**node, "properties": renamed}


def with_a_property_required(node: Json) -> Iterator[Json]:
    for name in node["properties"]:
        if name not in node.get("required", ()):
            yield {**node, "required": [*node.get("required", ()), name]}


def with_a_new_required_property(node: Json) -> Iterator[Json]:
    added = {**node["properties"], "brand_new": {"type": "string"}}
    yield {**node, "properties": added, "required": [*node.get("required", ()), "brand_new"]}


def with_a_value_less(node: Json) -> Iterator[Json]:
    for value in node["enum"]:
        yield {**node, "enum": [other for other in node["enum"] if other != value]}


def with_another_constant(node: Json) -> Iterator[Json]:
    yield {**node, "const": f"{node['const']}-changed"}


def with_an_alternative_less(node: Json) -> Iterator[Json]:
    for index in range(len(node["anyOf"])):
        yield {**node, "anyOf": node["anyOf"][:index] + node["anyOf"][index + 1 :]}


def with_another_type(node: Json) -> Iterator[Json]:
    if isinstance(node["type"], str):
        yield {**node, "type": "boolean" if node["type"] != "boolean" else "string"}


def with_a_shorter_limit(node: Json) -> Iterator[Json]:
    yield {**node, "maxLength": node["maxLength"] - 1}


def with_a_lower_maximum(node: Json) -> Iterator[Json]:
    yield {**node, "maximum": node["maximum"] - 1}


def with_a_higher_minimum(node: Json) -> Iterator[Json]:
    yield {**node, "minimum": node["minimum"] + 1}


def with_another_pattern(node: Json) -> Iterator[Json]:
    yield {**node, "pattern": "^x$"}


def with_another_format(node: Json) -> Iterator[Json]:
    yield {**node, "format": "date"}


def closed_to_more(node: Json) -> Iterator[Json]:
    if node.get("additionalProperties", True) is not False:
        yield {**node, "additionalProperties": False}


def without_its_items(node: Json) -> Iterator[Json]:
    yield {**node, "items": False}


BREAKING: list[tuple[str, Callable[[Json], Iterator[Json]]]] = [
    ("properties", without_a_property),
    ("properties", with_a_property_renamed),
    ("properties", with_a_property_required),
    ("properties", with_a_new_required_property),
    ("properties", closed_to_more),
    ("enum", with_a_value_less),
    ("const", with_another_constant),
    ("anyOf", with_an_alternative_less),
    ("type", with_another_type),
    ("maxLength", with_a_shorter_limit),
    ("maximum", with_a_lower_maximum),
    ("minimum", with_a_higher_minimum),
    ("pattern", with_another_pattern),
    ("format", with_another_format),
    ("items", without_its_items),
]


@pytest.mark.parametrize("event_type", TYPES)
@pytest.mark.parametrize(("keyword", "change"), BREAKING, ids=lambda value: getattr(value, "__name__", value))
def test_the_guard_rejects(keyword: str, change: Callable[[Json], Iterator[Json]], event_type: str) -> None:
    written = schema(event_type)
    passed = [place for place, spoilt in mutated(written, keyword, change) if not breaks(written, spoilt)]
    assert passed == []


def test_the_mutations_reach_into_every_part_of_the_schemas() -> None:
    reached = {
        change.__name__: sum(1 for name in TYPES for _ in mutated(schema(name), keyword, change))
        for keyword, change in BREAKING
    }
    assert min(reached.values()) >= 5, reached
    assert sum(reached.values()) > 2_000


def test_a_missing_event_type_is_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {name: event for name, event in event_types().items() if name != "leadstream.lead.captured.v1"}
    monkeypatch.setattr("schemas.generate.event_types", lambda: left)
    assert list(incompatibilities()) == [
        f"release {release.name}: leadstream.lead.captured.v1 is gone; the log still has such events"
        for release in RELEASES
    ]


def test_a_break_says_where_and_what() -> None:
    old = schema("leadstream.signal.recorded.v1")
    new = copy.deepcopy(old)
    new["$defs"]["Signal"]["properties"]["occured_at"] = new["$defs"]["Signal"]["properties"].pop("occurred_at")
    new["$defs"]["Signal"]["properties"]["signal"]["enum"].remove("call")
    new["$defs"]["Signal"]["required"] = ["signal_id", "signal", "channel", "occured_at"]
    assert set(breaks(old, new)) == {
        Break("/data/occurred_at", "is gone or has another name: what old events say there is lost"),
        Break("/data/occured_at", "is required now: old events may lack it"),
        Break("/data/signal", "may no longer be call"),
    }


# ── and lets pass what breaks nobody ──────────────────────────────────────────────────────────────


def with_an_optional_property(node: Json) -> Iterator[Json]:
    yield {**node, "properties": {**node["properties"], "brand_new": {"type": "string"}}}


def with_nothing_required(node: Json) -> Iterator[Json]:
    yield {**node, "required": []}


def with_a_further_value(node: Json) -> Iterator[Json]:
    yield {**node, "enum": [*node["enum"], "brand_new"]}


def with_a_further_alternative(node: Json) -> Iterator[Json]:
    yield {**node, "anyOf": [*node["anyOf"], {"type": "boolean"}]}


def with_room_for_more(node: Json) -> Iterator[Json]:
    yield {**node, "maxLength": node["maxLength"] + 1}


def with_another_description(node: Json) -> Iterator[Json]:
    yield {**node, "description": "In other words."}


@pytest.mark.parametrize("event_type", TYPES)
@pytest.mark.parametrize(
    ("keyword", "change"),
    [
        ("properties", with_an_optional_property),
        ("properties", with_nothing_required),
        ("enum", with_a_further_value),
        ("anyOf", with_a_further_alternative),
        ("maxLength", with_room_for_more),
        ("type", with_another_description),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_guard_lets_pass(keyword: str, change: Callable[[Json], Iterator[Json]], event_type: str) -> None:
    written = schema(event_type)
    assert [place for place, new in mutated(written, keyword, change) if breaks(written, new)] == []


def test_a_schema_is_compatible_with_itself() -> None:
    for name in TYPES:
        assert breaks(schema(name), schema(name)) == []


def test_a_keyword_that_cannot_be_compared_is_not_passed_over() -> None:
    with pytest.raises(UnknownKeywordError, match="aditionalProperties"):
        breaks({"type": "object"}, {"type": "object", "aditionalProperties": False})
    with pytest.raises(UnknownKeywordError, match="oneOf"):
        breaks({"oneOf": [{"type": "string"}]}, {"type": "string"})
    with pytest.raises(UnknownKeywordError, match="maxLength"):
        breaks({"$defs": {"A": {}}, "$ref": "#/$defs/A", "maxLength": 3}, {"type": "string"})


def test_a_type_within_itself_is_compared_to_an_end() -> None:
    tree: Json = {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Tree"}, "n": {"type": "integer"}}}
        },
    }
    narrower = copy.deepcopy(tree)
    narrower["$defs"]["Tree"]["properties"]["n"] = {"type": "integer", "minimum": 0}
    assert breaks(tree, tree) == []
    assert breaks(tree, narrower) == [Break("/n", "minimum is 0 now, and was unlimited")]
