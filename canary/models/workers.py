"""Which server process serves which version of the rollout."""

from django.db import models


class Worker(models.Model):
    name = models.CharField(max_length=120, primary_key=True)
    """`host:pid:start`, new with every process."""
    version = models.BigIntegerField()
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
