"""One mistake each in the default policy: reported at its line and key, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import PolicyError, parse_policy

TEXT = (Path(__file__).parents[3] / "policy.yaml").read_text(encoding="utf-8")

# fmt: off
# What is replaced (once), and by what; then the problem's key, part of its message, and part of its hint.
MISTAKES = [
    # names
    ("keep_owner: true", "keep_ownr: true", "routing.keep_ownr", "unknown key", "`keep_owner`"),
    ("  fallback_pool: everybody", "  fallback_pol: everybody",
     "routing.fallback_pol", "unknown key", "`fallback_pool`"),
    ("  fallback_pool: everybody\n", "", "routing.fallback_pool", "`fallback_pool` is missing", ""),
    ("  default_phone_region: GB\n", "", "identity.default_phone_region", "`default_phone_region` is missing", ""),
    # types
    ("base: 10", "base: ten", "scoring.fit.base", "whole number, such as 10, not the text `ten`", ""),
    ("base: 10", "base: 10.5", "scoring.fit.base", "whole number", ""),
    ("base: 10", "base: true", "scoring.fit.base", "whole number, such as 10, not true", ""),
    ("base: 10", "base: 101", "scoring.fit.base", "at most 100", ""),
    ("base: 10", "base: -1", "scoring.fit.base", "at least 0", ""),
    ("base: 10", "base:", "scoring.fit.base", "has no value", "delete the line"),
    ("match_on_email: true", "match_on_email: yes",
     "identity.match_on_email", "true or false, not the text `yes`", ""),
    ("name: Sales\n", "name: 7\n", "routing.teams[sales].name", "must be text, not the number 7", "quotes"),
    ("members: [diego]", "members: 5", "routing.pools[americans].members", "must be a list", ""),
    ("  total: {fit: 50, intent: 50}", "  total: [50, 50]", "scoring.total", "block of `key: value`", ""),
    # durations, hours, dates, zones, countries
    ("forget_after: 90d", "forget_after: 90", "scoring.intent.forget_after", "say the unit", ""),
    ("forget_after: 90d", "forget_after: 90 days", "scoring.intent.forget_after", "is not a duration", ""),
    ("{every: 1h,", "{every: 0m,", "scoring.recompute.every", "longer than 0", ""),
    ("quiet_hours: 20:00-08:00", "quiet_hours: 8pm-8am", "nurture.limits.quiet_hours", "not a time window", ""),
    ("{daily: 08:00-20:00}", "{dayly: 08:00-20:00}",
     "nurture.sequences[hot-inbound].send_window.dayly", "unknown key", ""),
    ("{mon-fri: 09:00-18:00}", "{mon-fri: 09:00-1800}",
     "routing.reps[diego].working_hours.mon-fri", "not a time window", ""),
    ("holidays: [2026-11-26]", "holidays: [26.11.2026]", "routing.reps[diego].holidays[0]", "is not a date", ""),
    ("America/New_York", "America/NewYork", "routing.reps[diego].timezone", "not an IANA time zone", ""),
    ("default_phone_region: GB", "default_phone_region: UK", "identity.default_phone_region", "write GB", ""),
    # choices and forms
    ("seniority: [founder, c_level, vp]", "seniority: [founder, clevel]",
     "scoring.fit.rules[decision-maker].when.seniority[1]", "not possible here", "`c_level`"),
    ("demo_request:     {", "demo_requests:     {",
     "scoring.intent.signals.demo_requests", "not possible here", "`demo_request`"),
    ("outside: clock_runs", "outside: clock_run", "sla.bands[hot].outside", "not possible here", "`clock_runs`"),
    ("id: decision-maker", "id: Decision Maker",
     "scoring.fit.rules[Decision Maker].id", "right form", "`enterprise-uk`"),
    ("email: maya@example.com", "email: maya", "routing.reps[maya].email", "right form", "anna@example.com"),
    ("version: default-1", "version: 1", "version", "must be text, not the number 1", "quotes"),
    ("version: default-1", "effective_at: 2026-09-01T00:00:00", "effective_at", "time zone", ""),
    # parts that don't add up
    ("total: {fit: 50, intent: 50}", "total: {fit: 50, intent: 40}",
     "scoring.total", "add up to 100 percent, not 90", ""),
    ("fit: {A: 75, B: 55, C: 35}", "fit: {A: 55, B: 75, C: 35}", "scoring.tiers.fit", "A above B", ""),
    ("      outside_owned_within: 1m\n", "", "sla.bands[hot]", "needs outside_owned_within", ""),
    ("contacted_within: 30m", "contacted_within: 10m", "sla.bands[warm]", "shorter than owned_within", ""),
    ("then: {rep: maya}", "then: {rep: maya, park: true}", "routing.rules[big-and-hot].then", "not rep and park", ""),
    ("then: {rep: maya}", "then: {}", "routing.rules[big-and-hot].then", "names none", ""),
    ("{account_has_owner: true}", "{}", "routing.rules[account-owner].when", "states no condition", ""),
    ("subject: Still on your list?\n", "subjekt: Still on your list?\n",
     "nurture.templates[warm-email-2].subjekt", "unknown key", "`subject`"),
    ("Your enquiry, {first_name|", "Your enquiry, {firstname|",
     "nurture.templates[hot-email].subject", "{firstname}", ""),
    # references
    ("manager: maya", "manager: mya", "routing.teams[sales].manager", "no rep `mya`", "`maya`"),
    ("then: {pool: americans}", "then: {pool: american}",
     "routing.rules[americas].then.pool", "no pool `american`", "`americans`"),
    ("fallback_pool: everybody", "fallback_pool: nobody", "routing.fallback_pool", "no pool `nobody`", "everybody"),
    ("territories: [americas]", "territories: [amerika]",
     "routing.reps[diego].territories[0]", "no territory `amerika`", "`americas`"),
    ("territory: [uk-ireland, europe]", "territory: [uk-ireland, asia]",
     "routing.rules[europe].when.territory[1]", "no territory `asia`", "possible: uk-ireland"),
    ("template: hot-sms", "template: hot-text",
     "nurture.sequences[hot-inbound].steps[at-once].touches[2].template", "no template `hot-text`", ""),
    ("template: hot-sms", "template: hot-call",
     "nurture.sequences[hot-inbound].steps[at-once].touches[2].template", "is for call_task", ""),
    ("email: tom@example.com", "email: Maya@example.com", "routing.reps[tom].email", "names must be unique", ""),
    ("id: budget-holder", "id: decision-maker", "scoring.fit.rules[decision-maker].id", "must be unique", ""),
    ("members: [diego], overflow: everybody", "members: [diego], overflow: americans",
     "routing.pools[americans].overflow", "into itself", ""),
    ("band: cold}\n", "band: cold, total_at_least: 5}\n", "scoring.bands[cold]", "must take every lead", ""),
    ("    - {band: cold}\n", "", "scoring.bands[cool]", "must take every lead", ""),
    ("{id: uk-ireland, name: UK and Ireland, countries: [GB, IE]}", "{id: uk-ireland, name: UK and Ireland}",
     "routing.territories[uk-ireland]", "must be the last", ""),
    # YAML
    ("  match_on_phone: true", "  match_on_email: false", "identity.match_on_email", "already given on line", ""),
    ("  match_on_phone: true", "\tmatch_on_phone: true", "", "a tab is used", ""),
    ("*office_hours\n      holidays", "*office_ours\n      holidays", "", "undefined alias", ""),
    ("name: Sales\n", "name: Sales: all\n", "", "a second `: `", ""),
    ("base: 10", "base: !!python/object:os.system 10", "scoring.fit.base", "", ""),
    ("base: 10", "base: !secret 10", "scoring.fit.base", "tag `!secret` is not supported", ""),
    ("name: Sales\n", "name: [Sales\n", "", "not YAML", ""),
]
# fmt: on


@pytest.mark.parametrize(("right", "wrong", "key", "message", "hint"), MISTAKES)
def test_a_mistake_is_reported_at_its_line_and_key(right: str, wrong: str, key: str, message: str, hint: str) -> None:
    text = TEXT.replace(right, wrong, 1)
    assert text != TEXT, f"{right!r} is no longer in policy.yaml"
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "policy.yaml")
    problems = caught.value.problems
    found = [problem for problem in problems if problem.key == key and message in problem.message]
    assert found, f"expected {key}: {message}; got {problems}"
    assert hint in found[0].hint or hint in found[0].message
    if wrong:  # what is missing is reported at the block that it belongs in
        changed = TEXT[: TEXT.index(right)].count("\n") + 1
        assert changed - 12 <= found[0].line <= changed + wrong.count("\n")
