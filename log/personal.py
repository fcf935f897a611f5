"""Takes personal data out of events before they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REJECTED, DEAD = "leadstream.input.rejected.v1", "leadstream.event.dead.v1"
#: Besides `person`: what holds somebody's words as they came in. A dead letter's `detail` may quote them, except
#: where its step is `decode`, which tells places and kinds of mistakes only.
RAW: Mapping[str, Mapping[str, Any]] = {
    REJECTED: {"body": "", "headers": {}},
    DEAD: {"key": None, "value": None, "headers": []},
}


def without_personal(event: Mapping[str, Any]) -> dict[str, Any]:
    """Empties the personal parts of an event: it still reads as an event of its type."""
    data = event.get("data")
    if not isinstance(data, Mapping):
        return dict(event)
    kept = {name: {} if name == "person" else value for name, value in data.items()}
    kept |= {name: empty for name, empty in RAW.get(str(event.get("type")), {}).items() if name in kept}
    if event.get("type") == DEAD and kept.get("step") != "decode":
        kept["detail"] = ""
    return {**event, "data": kept}
