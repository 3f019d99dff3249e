"""The rollout in force, one row, the append-only chain of events that led to it, and the salts of earlier cohorts."""

from datetime import UTC, datetime

from django.db import models
from django.db.models.functions import Coalesce

from canary.core.names import FIRST, NAME_MAX, Names
from canary.core.plans import FULL_BP


class Rollout(models.Model):
    """One row, with the primary key 1. Changed by `canary.services` alone, always with `version` + 1 and an event."""

    version = models.BigIntegerField(default=0)
    """Counts every change: what compare-and-swap compares, and what workers report that they serve."""
    weight_bp = models.PositiveIntegerField(default=0)
    salt = models.CharField(max_length=64)
    release = models.PositiveIntegerField(default=1)
    """Which body of evidence observations belong to: a new one with every start."""
    stage = models.PositiveIntegerField(default=0)
    """Counts the changes of weight within a release, so that an observation knows at which chance it was drawn."""
    stage_started_at = models.DateTimeField()
    latched = models.BooleanField(default=False)
    plan = models.JSONField(null=True)
    """A `canary.core.plans.Plan`, None without one."""
    request = models.JSONField(null=True)
    """A `canary.core.approvals.Request`: the step up that waits for an approval, None without one."""
    crossover = models.JSONField(null=True)
    """The crossover of this release, as `canary.core.crossover.stored_crossover` makes it; None without one."""
    environment_seen_bp = models.PositiveIntegerField(null=True)
    """The environment's percentage that was last seen by a server process, applied or refused; None for no opinion."""
    build = models.CharField(max_length=64, default="", db_default="")
    """The build whose observations count in this stage; empty when no server process has told its own yet."""
    anonymous_key = models.CharField(max_length=64, default="", db_default="")
    """In hex, the key of digests of anonymous identities: made of SECRET_KEY once, so that another one moves nobody."""
    cookie_key = models.CharField(max_length=64, default="", db_default="")
    """In hex, the key that signs the cookie; likewise. A fresh cohort draws another one."""
    lifecycle = models.JSONField(default=dict)
    """`{state, deprecated_at, sunset_at, brownouts: [[from, to]], sunset_done_at}`, times in unix seconds."""
    stable = models.CharField(max_length=NAME_MAX, default=FIRST.stable, db_default=FIRST.stable)
    """The name of the version that clients leave, in the journey that this row is about."""
    candidate = models.CharField(max_length=NAME_MAX, default=FIRST.candidate, db_default=FIRST.candidate)
    """The name of the version that they go to."""
    journey_at = models.DateTimeField(null=True)
    """When the journey began; None for the first one."""
    journey_release = models.PositiveIntegerField(default=1, db_default=1)
    """The first release of the journey."""
    changed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = (
            ("view", "Can see the rollout"),
            ("ramp", "Can change the weight and the lists"),
            ("rollback", "Can roll back"),
            ("lifecycle", "Can change the life of v1"),
            ("synthetic", "Can send synthetic requests"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(pk=1), name="canary_rollout_is_one_row"),
            models.CheckConstraint(
                condition=models.Q(weight_bp__gte=0, weight_bp__lte=FULL_BP), name="canary_rollout_weight_bp"
            ),
            models.CheckConstraint(
                condition=models.Q(latched=False) | models.Q(weight_bp=0), name="canary_rollout_latched_is_zero"
            ),
        )

    def __str__(self) -> str:
        return f"version {self.version}: {self.weight_bp} bp"

    @property
    def names(self) -> Names:
        return Names(self.stable, self.candidate)

    @classmethod
    def began_at(cls) -> Coalesce:
        """Return when the journey in force began, as a part of any statement: what is older is of other versions."""
        stored = models.Subquery(cls.objects.filter(pk=1).values("journey_at")[:1])
        ever = datetime.min.replace(tzinfo=UTC)
        return Coalesce(stored, models.Value(ever, output_field=models.DateTimeField()))


class RolloutEvent(models.Model):
    """One change. `hash` covers the columns before it, so that a changed or missing row breaks the chain."""

    version = models.BigIntegerField(unique=True)
    """The rollout's version after the change."""
    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    """`user:3`, `key:ab12 user:3`, `environment`, `controller`, `cli:root`; an older release added usernames."""
    verb = models.CharField(max_length=40)
    reason = models.CharField(max_length=1_000)
    before = models.JSONField()
    after = models.JSONField()
    evidence = models.JSONField(null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, default="", db_default="")
    """An HMAC of the hash by a key that is not in the database; empty where an older release wrote the event."""

    class Meta:
        default_permissions = ()
        ordering = ("version",)

    def __str__(self) -> str:
        return f"{self.version} {self.verb}"


class PastCohort(models.Model):
    """The salt of a cohort that a fresh one has replaced. Nothing shows it: it chooses the version of any identity."""

    cohort = models.CharField(max_length=8, unique=True)
    """The digest by which events name the cohort: `canary.core.bucketing.cohort_of`."""
    salt = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.cohort
