"""The processes of all servers: which of them may do what only one may do, and which serves which version."""

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
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
