"""Scoring decisions: pure functions of what is known of a lead, the policy and the business time."""
