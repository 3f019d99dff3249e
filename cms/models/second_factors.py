"""Second factors of users: authenticator apps, and the codes that help when every factor is lost."""

from django.conf import settings
from django.db import models

from cms.models.fields import Entity, Record


class AuthenticatorApp(Entity):
    """An app that shows codes (TOTP, RFC 6238), one for each user. It counts once `confirmed_at` is set."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="authenticator_app")
    # Sealed by `cms/tokens/second_factors.py`.
    secret = models.TextField()
    # Codes of this time step and of all before it are used up.
    last_step = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.id)


class RecoveryCode(Record):
    """One of a user's codes, as a digest. A used one stays, so that its user sees how many are left."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="cms_recoverycode_unique")]

    def __str__(self) -> str:
        return str(self.id)
