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

from policy.conditions import CompanySize, LeadConditions, company_size
from policy.consent import Consent, ConsentRule, LawfulBasis
from policy.hours import DAYS, Schedule, TimeWindow, WeeklyHours
from policy.identity import FreeMailProvider, Identity
from policy.nurture import (
    Nurture,
    Sender,
    SendingLimits,
    Sequence,
    SequenceStep,
    SequenceTouch,
    StopCondition,
)
from policy.references import Problem, find_problems
from policy.routing import (
    Pool,
    PoolMember,
    Recycling,
    Rep,
    Role,
    RouteTarget,
    Routing,
    RoutingConditions,
    RoutingRule,
    Team,
    Territory,
)
from policy.scoring import (
    BANDS,
    BandPromotion,
    BandRule,
    Disqualifier,
    Fit,
    FitGrades,
    FitRule,
    Intent,
    IntentGrades,
    MqlRule,
    OutcomeAdjustment,
    QualificationRules,
    Recompute,
    Scoring,
    SignalWeight,
    SubmissionSignal,
    Tier,
    Tiers,
    TotalWeights,
)
from policy.sla import BandSla, Escalation, EscalationAction, Sla
from policy.template import PLACEHOLDERS, MessageTemplate, MissingValue, TemplateChannel, render
from policy.types import (
    DateRange,
    Duration,
    PolicyModel,
    format_duration,
    parse_duration,
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


__all__ = [
    "BANDS",
    "DAYS",
    "PLACEHOLDERS",
    "REFERENCES",
    "BandPromotion",
    "BandRule",
    "BandSla",
    "CompanySize",
    "Consent",
    "ConsentRule",
    "DateRange",
    "Disqualifier",
    "Duration",
    "Escalation",
    "EscalationAction",
    "Fit",
    "FitGrades",
    "FitRule",
    "FreeMailProvider",
    "Identity",
    "Intent",
    "IntentGrades",
    "LawfulBasis",
    "LeadConditions",
    "MessageTemplate",
    "MissingValue",
    "MqlRule",
    "Nurture",
    "OutcomeAdjustment",
    "Policy",
    "PolicyModel",
    "Pool",
    "PoolMember",
    "Problem",
    "QualificationRules",
    "Recompute",
    "Recycling",
    "Rep",
    "Role",
    "RouteTarget",
    "Routing",
    "RoutingConditions",
    "RoutingRule",
    "Schedule",
    "Scoring",
    "Sender",
    "SendingLimits",
    "Sequence",
    "SequenceStep",
    "SequenceTouch",
    "SignalWeight",
    "Sla",
    "StopCondition",
    "SubmissionSignal",
    "Team",
    "TemplateChannel",
    "Territory",
    "Tier",
    "Tiers",
    "TimeWindow",
    "TotalWeights",
    "WeeklyHours",
    "company_size",
    "find_problems",
    "format_duration",
    "parse_duration",
    "render",
]
