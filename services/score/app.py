"""Wires score: the only place where its parts meet."""

from __future__ import annotations

from infra.settings import Settings
from runtime.publish import FaultPoint, no_faults
from runtime.service import ServiceSpec
from services.score.stage import ScoreStage


def parts(settings: Settings | None = None, probe: FaultPoint = no_faults) -> ServiceSpec:
    """Returns the service's parts, nothing connected yet."""
    return ServiceSpec(stage=ScoreStage(), settings=settings or Settings(), probe=probe)
