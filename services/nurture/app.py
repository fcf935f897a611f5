"""Wires nurture: the only place where its parts meet."""

from __future__ import annotations

from infra.clock import clock_from
from infra.settings import Settings
from runtime.publish import FaultPoint, no_faults
from runtime.service import ServiceSpec
from services.nurture.sender import DryRunSender, TouchPerformer
from services.nurture.stage import NurtureStage


def parts(settings: Settings | None = None, probe: FaultPoint = no_faults) -> ServiceSpec:
    """The service's parts, nothing connected yet."""
    settings = settings or Settings()
    clock = clock_from(settings.clock_file)
    performer = TouchPerformer(DryRunSender(settings, clock), clock)
    return ServiceSpec(stage=NurtureStage(), settings=settings, performer=performer, probe=probe)
