"""The business policy: what the business decides, in one versioned file.

It is written as YAML (read by `policy.loading.load_policy`) and travels as JSON on `leads.policies`;
`Policy.model_validate(policy.model_dump(mode="json"))` gives the same policy again.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Self

import orjson
from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from policy.consent import Consent
from policy.identity import Identity
from policy.nurture import (
    Nurture,
)
from policy.references import find_problems
from policy.routing import (
    Routing,
)
from policy.scoring import (
    Scoring,
)
from policy.sla import Sla
from policy.types import (
    PolicyModel,
)

REFERENCES = "policy_references"
"""Error type of a policy whose parts contradict each other; its context holds the `problems`."""


class Policy(PolicyModel):
    """The whole policy. Building one checks every reference between its sections."""

    version: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
        description="Names it in every decision. Left out: the first 12 digits of the content's hash.",
    )
    effective_at: AwareDatetime | None = Field(
        default=None, description="When it comes into force; None: when it is published."
    )
    identity: Identity
    scoring: Scoring
    routing: Routing
    sla: Sla
    nurture: Nurture
    consent: Consent

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        problems = tuple(find_problems(self))
        if problems:
            said = "; ".join(f"{'.'.join(map(str, problem.place))}: {problem.message}" for problem in problems)
            raise PydanticCustomError(REFERENCES, "{said}", {"said": said, "problems": problems})
        return self

    @model_validator(mode="after")
    def _named_by_content(self) -> Self:
        if not self.version:
            # The model is frozen for its users; here it is still being built.
            object.__setattr__(self, "version", self.content_hash()[:12])
        return self

    def to_json(self) -> dict[str, Any]:
        """Returns the policy as plain JSON values, as it is published."""
        return self.model_dump(mode="json")

    def content_hash(self) -> str:
        """SHA-256, in hexadecimal, of what the policy decides: everything but its version and date."""
        content = self.model_dump(mode="json", exclude={"version", "effective_at"})
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
