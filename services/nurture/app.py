"""Wires nurture: the only place where its parts meet."""

from __future__ import annotations

from runtime.clock import clock_from
from runtime.publisher import Probe, silent
from runtime.service import Parts
from runtime.settings import Settings
from services.nurture.sender import DryRunSender, TouchPerformer
from services.nurture.stage import NurtureStage


def parts(settings: Settings | None = None, probe: Probe = silent) -> Parts:
    """The service's parts, nothing connected yet."""
    settings = settings or Settings()
    clock = clock_from(settings.clock_file)
    performer = TouchPerformer(DryRunSender(settings, clock), clock)
    return Parts(stage=NurtureStage(), settings=settings, performer=performer, probe=probe)
