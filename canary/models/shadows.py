"""Results of comparing both versions' responses to the same request."""

from django.db import models


class ShadowTotal(models.Model):
    """How many reads were compared, by route and result."""

    release = models.PositiveIntegerField()
    route = models.CharField(max_length=120)
    result = models.CharField(max_length=12)
    """One of `canary.metrics.counters.SHADOW_RESULTS`."""
    count = models.PositiveBigIntegerField(default=0)
    timed = models.PositiveBigIntegerField(default=0, db_default=0)
    """Those in which both versions answered the request well, which the sums below are of."""
    v1_seconds = models.FloatField(default=0, db_default=0)
    v2_seconds = models.FloatField(default=0, db_default=0)
    v1_sql = models.PositiveBigIntegerField(default=0, db_default=0)
    v2_sql = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("release", "route", "result", name="canary_shadowtotal_once"),)

    def __str__(self) -> str:
        return f"{self.route} {self.result}: {self.count}"


class ShadowDifference(models.Model):
    """One way in which answers differ, with an example: grouped by route, place in the body and kind."""

    release = models.PositiveIntegerField()
    route = models.CharField(max_length=120)
    path = models.CharField(max_length=200)
    """The place in v1's body, as in `items[].author.username`."""
    kind = models.CharField(max_length=20)
    """missing, added, value, type, status, length, order: of bodies. `sql`: statements above v1's and the budget,
    `side_effect`: v2 tried more than reading, `refusal`: v2 refused what v1 answers."""
    count = models.PositiveBigIntegerField(default=0)
    example = models.JSONField()
    """`{url, v1, v2}`, cut short; of public answers only."""
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint("release", "route", "path", "kind", name="canary_shadowdifference_once"),
        )

    def __str__(self) -> str:
        return f"{self.route} {self.path} {self.kind}"


class AcceptedDifference(models.Model):
    """A difference that somebody has found benign, by name: in every release, until it is revoked, it holds nothing."""

    route = models.CharField(max_length=120)
    path = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=1_000)
    actor = models.CharField(max_length=160)
    accepted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("route", "path", "kind", name="canary_accepteddifference_once"),)

    def __str__(self) -> str:
        return f"{self.route} {self.path} {self.kind}"
