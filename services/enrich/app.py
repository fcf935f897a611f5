"""Wires enrich: the only place where its parts meet."""

from __future__ import annotations

from runtime.publisher import Probe, silent
from runtime.service import Parts
from runtime.settings import Settings
from services.enrich.stage import EnrichStage


def parts(settings: Settings | None = None, probe: Probe = silent) -> Parts:
    """The service's parts, nothing connected yet."""
    return Parts(stage=EnrichStage(), settings=settings or Settings(), probe=probe)
