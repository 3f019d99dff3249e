"""Consumers of v1, and identities that were seen: they stand here and nowhere in metrics or logs."""

from django.db import models


class ConsumerUsage(models.Model):
    """The calls of v1 of one consumer, route and day."""

    day = models.DateField()
    kind = models.CharField(max_length=6)
    identifier = models.CharField(max_length=400)
    """Users and keys by id and prefix, clients by their X-Client-Id. Empty for all anonymous readers together, and for
    all clients and unknown keys beyond `CANARY["ANONYMOUS_CONSUMERS"]` a day."""
    route = models.CharField(max_length=120)
    """As v1 names it, `GET /posts/{uuid}`. Calls of routes that v1 doesn't have are not counted."""
    calls = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)
    """Calls that a brownout or the sunset answered with 410."""
    agent = models.CharField(max_length=80, default="")
    """The first product of the user agent, such as `python-requests`."""
    last_seen_at = models.DateTimeField()
    is_vouched = models.BooleanField(default=False, db_default=False)
    """Whether a view has let in the credential of one of the calls: anybody can make up other names."""

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("day", "kind", "identifier", "route", name="canary_consumerusage_once"),)
        indexes = (models.Index("kind", "identifier", "last_seen_at", name="canary_consumerusage_last"),)

    def __str__(self) -> str:
        return f"{self.day} {self.kind}:{self.identifier} {self.route}"


class SeenIdentity(models.Model):
    """Identities that used the entrance lately, for what-if and for `explain`'s account of moves."""

    kind = models.CharField(max_length=6)
    identifier = models.CharField(max_length=400)
    last_seen_at = models.DateTimeField(db_index=True)
    before_kind = models.CharField(max_length=6, default="")
    before_identifier = models.CharField(max_length=400, default="")
    """The identity that the same client had before it was authenticated; empty when none is known."""

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("kind", "identifier", name="canary_seenidentity_once"),)

    def __str__(self) -> str:
        return f"{self.kind}:{self.identifier}"
