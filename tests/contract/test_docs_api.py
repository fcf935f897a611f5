"""docs/api.md names every route, field, value and error that the services know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr

from infra.clock import Clock
from schemas.events import OutcomeKind, SignalType, TouchChannel
from services.capture.domain.inputs import (
    AttributionFields,
    CompanyFields,
    ConsentFields,
    ErasureIn,
    LeadIn,
    OutcomeIn,
    SignalIn,
    TouchIn,
)
from services.capture.http.access import Access
from services.capture.http.api import CaptureApi
from services.metrics.http import api as metrics
from tests.support.docs import ROOT

DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CAPTURE = ROOT / "services" / "capture"


def missing(names: Iterable[str]) -> set[str]:
    """Those that no code of the document names, in a table, a sentence or an example."""
    return {name for name in names if not re.search(rf"[`\"]{re.escape(name)}[`\"]", DOCS)}


@pytest.mark.parametrize(
    "model", [LeadIn, CompanyFields, AttributionFields, ConsentFields, SignalIn, OutcomeIn, TouchIn, ErasureIn]
)
def test_every_field_that_is_taken_is_documented(model: type[BaseModel]) -> None:
    assert not missing(info.alias or name for name, info in model.model_fields.items())


@pytest.mark.parametrize("values", [SignalType, OutcomeKind, TouchChannel])
def test_every_value_that_is_taken_is_documented(values: object) -> None:
    assert not missing(get_args(values))


def test_every_error_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for path in CAPTURE.rglob("*.py")]
    reasons = {reason for source in sources for reason in re.findall(r'InvalidInput\(\s*"([a-z_]+)"', source)}
    assert len(reasons) > 10
    assert not missing(reasons)


def test_every_route_is_documented() -> None:
    def unused(*_: object) -> None:
        raise AssertionError("routes are only listed here")

    api = CaptureApi(unused, Access(()), Clock(), unused, unused)  # type: ignore[arg-type]  # nothing is called
    routes = [*api.routes(), *metrics.routes(unused, SecretStr(""))]  # type: ignore[arg-type]  # as above
    listed = {f"{route.method} {route.path}" for route in routes}
    named = set(re.findall(r"`((?:GET|POST) /v1/[^`]+)`", DOCS))
    batches = {route for route in listed if route.endswith(":batch")}
    assert named - batches == listed - batches
    assert len(batches) == 4
    assert "`POST /v1/leads:batch`, `:batch` of the three others" in DOCS
