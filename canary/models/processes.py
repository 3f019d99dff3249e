"""The processes of all servers: which may do what only one may do, which serves which version, and how some ended."""

from django.db import models


class Lease(models.Model):
    """Held until a time, prolonged by its holder, taken over after it."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=120)
    expires_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    """When a holder last finished a turn, by the database's clock; None where nobody tells that."""

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class Worker(models.Model):
    """A server process and the version of the rollout that it serves."""

    name = models.CharField(max_length=120, primary_key=True)
    """`host:pid:start`, new with every process."""
    version = models.BigIntegerField()
    build = models.CharField(max_length=64, default="", db_default="")
    """The build of its code; empty for a process of an older release."""
    names = models.CharField(max_length=40, default="", db_default="")
    """The names of the versions in its settings, as `1 2`; empty for a process of an older release."""
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Crash(models.Model):
    """Requests of one version and stage that a server process had in flight when it died."""

    worker = models.CharField(max_length=120)
    """As in Worker."""
    death = models.CharField(max_length=120)
    """Whose death it was: the worker's name, or its server's where that has ended too, with all of its workers."""
    release = models.PositiveIntegerField()
    stage = models.PositiveIntegerField()
    api_version = models.PositiveSmallIntegerField()
    requests = models.PositiveIntegerField()
    """Those included that had hung, each of which was a failed answer already."""
    at = models.DateTimeField(db_index=True)
    """When it was found."""

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("worker", "release", "stage", "api_version", name="canary_crash_once"),)

    def __str__(self) -> str:
        return f"{self.worker}: {self.requests} of v{self.api_version}"
