"""Invitations by mail: to an address, with the role that its reader gets."""

from django.conf import settings
from django.db import models

from cms import limits
from cms.choices import Role
from cms.models.fields import Entity, length_between
from cms.querysets.invitations import InvitationQuerySet


class Invitation(Entity):
    """Open until it is accepted, revoked or expired. Somebody with a shell invites as nobody."""

    email = models.CharField("e-mail address", max_length=limits.EMAIL_MAX)
    role = models.CharField(max_length=10, choices=Role, default=Role.AUTHOR)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="invitations"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=length_between("email", 3, limits.EMAIL_MAX), name="cms_invitation_email_length"
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="cms_invitation_role_valid"),
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="cms_invitation_newest")]

    def __str__(self) -> str:
        return self.email
