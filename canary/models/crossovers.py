"""The answers to the consumers of a crossover, by period: what its verdict rests on."""

from django.db import models


class CrossoverCount(models.Model):
    """The judged answers of one version to one consumer in one period. All workers add to the counts."""

    release = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField()
    """The consumer, by its place among those of the crossover: the rollout and its events hold the names."""
    period = models.PositiveSmallIntegerField()
    api_version = models.PositiveSmallIntegerField()
    requests = models.PositiveBigIntegerField()
    failures = models.PositiveBigIntegerField()
    """Those with 500 and above."""

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint("release", "place", "period", "api_version", name="canary_crossovercount_once"),
        )

    def __str__(self) -> str:
        return f"release {self.release}, consumer {self.place} in period {self.period} on v{self.api_version}"
