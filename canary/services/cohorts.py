"""Cohorts: who comes first, by the salt of the rollout."""

import secrets

from canary.core.bucketing import cohort_of
from canary.models import PastCohort, Rollout


def draw_cohort(row: Rollout) -> None:
    """Draw all buckets again, and another key of the cookie; keep the salt until now for questions about the past."""
    PastCohort.objects.get_or_create(cohort=cohort_of(row.salt), defaults={"salt": row.salt})
    row.salt, row.cookie_key = secrets.token_hex(16), secrets.token_hex(32)
