"""Capture's part in the stream: it reads no topic; what its HTTP workers took in is numbered and published here."""

from __future__ import annotations

from typing import ClassVar

from runtime.stage import Stage
from schemas.base import State
from schemas.topics import CAPTURED, ERASED, OUTCOMES, REJECTED, SIGNALS, TOUCHED, Topic


class CaptureState(State, frozen=True, kw_only=True):
    """Nothing: who is who stands in the service's own tables."""


class CaptureStage(Stage[CaptureState]):
    """Publishes what `store.accept` and `store.erase` left in the runtime's intake table; decides nothing."""

    name: ClassVar[str] = "capture"
    inputs: ClassVar[tuple[Topic, ...]] = ()
    outputs: ClassVar[tuple[Topic, ...]] = (CAPTURED, SIGNALS, OUTCOMES, TOUCHED, REJECTED, ERASED)
    state_type = CaptureState
    takes_intake: ClassVar[bool] = True
