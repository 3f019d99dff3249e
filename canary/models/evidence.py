"""The controller's conclusions: the statistics' state, its course over time, and the verdicts."""

from django.db import models


class EvidenceCheckpoint(models.Model):
    """The whole state of a release's statistics after the observation `sequence`; what follows it is replayed."""

    release = models.PositiveIntegerField(unique=True)
    sequence = models.PositiveBigIntegerField()
    state = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"release {self.release} after {self.sequence}"


class EvidencePoint(models.Model):
    """The evidence of each metric at one moment, for the charts."""

    release = models.PositiveIntegerField()
    at = models.DateTimeField()
    log_e = models.JSONField()
    """`{metric: natural logarithm of E}`, with `overall` for the weighted mean."""

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("release", "at"), name="canary_evidencepoint_time"),)

    def __str__(self) -> str:
        return f"release {self.release} at {self.at}"


class Verdict(models.Model):
    """A conclusion, written each time that it changes."""

    class Kind(models.TextChoices):
        PASS = "pass"  # noqa: S105  no password
        HOLD = "hold"
        HARM = "harm"
        NO_DATA = "no_data"

    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=7, choices=Kind)
    sentence = models.TextField()
    numbers = models.JSONField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("release", "at"), name="canary_verdict_time"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"
