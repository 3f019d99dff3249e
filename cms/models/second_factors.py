"""Second factors of users: authenticator apps, passkeys, and the codes that help when every factor is lost."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.models.fields import Entity, Record, length_between


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


class Passkey(Entity):
    """A passkey or security key (WebAuthn): its public half."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=limits.KEY_NAME[1])
    # In base64url, as browsers write it; at most 1,023 bytes (WebAuthn section 4).
    credential_id = models.CharField(max_length=1_364)
    # With the public key, as authenticators write it (attested credential data).
    credential = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["credential_id"], name="cms_passkey_unique"),
            models.CheckConstraint(condition=length_between("name", *limits.KEY_NAME), name="cms_passkey_name_length"),
        ]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(Record):
    """One of a user's codes, as a digest. A used one stays, so that its user sees how many are left."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="cms_recoverycode_unique")]

    def __str__(self) -> str:
        return str(self.id)
