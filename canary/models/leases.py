"""Who may do what only one process may do: held until a time, prolonged by its holder, taken over after it."""

from django.db import models


class Lease(models.Model):
    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=120)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
