"""Persons whose traces in the records are still to be erased."""

from django.conf import settings
from django.db import models


class Erasure(models.Model):
    """A deleted user whose records still hold names or addresses, and how far erasing them has come.

    Written in the transaction that deletes the account, deleted with the last batch. `step`, `subject` and `after` are
    a `Place` of `cms/services/personal_traces.py`.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    step = models.CharField(max_length=10)
    subject = models.UUIDField(null=True)
    after = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.step}"
