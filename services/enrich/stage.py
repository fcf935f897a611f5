"""The enrich stage: a submission in, the lead as known now out."""

from __future__ import annotations

from typing import ClassVar

from policy import Identity
from runtime.stage import Context, Decision, Input, Stage
from schemas.events import LeadCaptured, LeadEnriched
from schemas.topics import CAPTURED, ENRICHED, Topic
from services.enrich.domain.lead import KnownLead, enriched, fold_submission
from services.enrich.domain.mail import MailRules
from services.enrich.domain.submission import ReadingRules, read_submission

DUPLICATE = "duplicate_submission"


class EnrichStage(Stage[KnownLead]):
    """Normalises and classifies what leads submit, and weighs it against what they submitted before."""

    name: ClassVar[str] = "enrich"
    inputs: ClassVar[tuple[Topic, ...]] = (CAPTURED,)
    outputs: ClassVar[tuple[Topic, ...]] = (ENRICHED,)
    state_type = KnownLead

    def __init__(self) -> None:
        """Starts without a policy; the first decision brings one."""
        self._rules: tuple[Identity, ReadingRules] | None = None

    def decide(self, item: Input, state: KnownLead | None, ctx: Context) -> Decision[KnownLead]:
        """Folds one submission in and says what is known now.

        Raises:
            TypeError: the input is not a submission; nothing else is read.
        """
        if not isinstance(item, LeadCaptured):
            raise TypeError(f"enrich decides about submissions only, not about {type(item).__name__}")
        known = state or KnownLead()
        if known.has_seen(item.data.origin.submission_id):
            return Decision(state=state, dropped=DUPLICATE)
        said = read_submission(item.data, self._rules_of(ctx.policy.identity))
        known = fold_submission(known, item.data, said)
        return Decision(state=known, events=(ctx.emit(LeadEnriched, enriched(known, item.data)),))

    def _rules_of(self, identity: Identity) -> ReadingRules:
        """The policy's part in reading, prepared once per policy."""
        if self._rules is None or self._rules[0] is not identity:
            self._rules = identity, reading_rules(identity)
        return self._rules[1]


def reading_rules(identity: Identity) -> ReadingRules:
    """What the policy's identity section adds to the built-in lists."""
    return ReadingRules(
        mail=MailRules(
            free_domains=frozenset(domain for provider in identity.free_mail for domain in provider.domains),
            disposable_domains=frozenset(identity.disposable_domains),
            role_mailboxes=frozenset(identity.role_prefixes),
        ),
        phone_country=identity.default_phone_region,
    )
