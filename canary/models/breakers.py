"""Rows that breakers look at, kept for an hour: answers by unit and minute, latencies by route and five minutes."""

from django.db import models


class UnitMinute(models.Model):
    """The answers of one version to one unit in one minute of one stage. All workers add to the counts."""

    start_at = models.DateTimeField()
    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    api_version = models.PositiveSmallIntegerField()
    unit = models.CharField(max_length=32)
    """An observation's unit if it counts alone, else its network."""
    answers = models.PositiveIntegerField()
    """Those that are judged."""
    failures = models.PositiveIntegerField()
    """Those of them with 500 and above."""
    reads = models.PositiveIntegerField()
    """Safe requests, refused ones too."""
    refused_reads = models.PositiveIntegerField()
    """Those of them answered by 4xx."""
    failed_over = models.PositiveIntegerField()
    """Failed reads that v1 answered instead."""
    failed_twice = models.PositiveIntegerField()
    """Those of them in which v1 failed, too."""
    halvings = models.PositiveSmallIntegerField()
    """How often the units were halved of which this one is one: those of `canary.core.breakers.is_sampled`."""

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "start_at", "release", "stage", "api_version", "unit", name="canary_unitminute_once"
            ),
        )
        # The page sums these up every few seconds, of a table that may have a million rows.
        indexes = (
            models.Index(fields=("release",), name="canary_unitminute_again", condition=models.Q(failed_over__gt=0)),
        )

    def __str__(self) -> str:
        return f"{self.start_at} {self.unit} v{self.api_version}"


class RouteWindow(models.Model):
    """The p95 of one route and version in five minutes by the clock, where enough users sent enough requests."""

    start_at = models.DateTimeField()
    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    api_version = models.PositiveSmallIntegerField()
    route = models.CharField(max_length=120)
    requests = models.PositiveIntegerField()
    units = models.PositiveSmallIntegerField()
    """At least so many: the slices of the histogram that had requests."""
    p95_ms = models.FloatField()
    """The median of the p95 of each slice."""
    low_ms = models.FloatField()
    """The least that it is when a few slices are left out."""
    high_ms = models.FloatField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                "start_at", "release", "stage", "api_version", "route", name="canary_routewindow_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.start_at} {self.route} v{self.api_version}"
