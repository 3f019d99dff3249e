"""API keys: a prefix to find one by and a keyed digest to check it, never the key itself."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.models.fields import Entity, length_between
from cms.querysets.api_keys import ApiKeyQuerySet


class ApiKey(Entity):
    name = models.CharField(max_length=limits.KEY_NAME[1])
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    contact_email = models.CharField(max_length=limits.EMAIL_MAX, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=length_between("name", *limits.KEY_NAME), name="cms_apikey_name_length")
        ]
        indexes = [models.Index(fields=["owner", "is_active"], name="cms_apikey_of_owner")]

    def __str__(self) -> str:
        return self.name
