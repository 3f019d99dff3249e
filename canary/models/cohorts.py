"""Salts of earlier cohorts, by which the past is explained."""

from django.db import models


class PastCohort(models.Model):
    """The salt of a cohort that a fresh one has replaced. Nothing shows it: it chooses the version of any identity."""

    cohort = models.CharField(max_length=8, unique=True)
    """The digest by which events name the cohort: `canary.core.bucketing.cohort_of`."""
    salt = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.cohort
