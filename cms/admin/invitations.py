"""Invitations: sent by mail, listed, revoked."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display
from unfold.enums import ActionVariant

from cms import clock, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.making_admins import TYPED_NAME, RoleForm
from cms.admin.navigation import admin_url_in_mails
from cms.admin.options import ServiceAdmin, instant_column
from cms.admin.shown import Labelled
from cms.choices import Role
from cms.models import Invitation
from cms.services.invitations import invite_user, revoke_invitation, state_of

STATES: Final[dict[str, Any]] = {
    "open": pgettext_lazy("invitation", "open"),
    "accepted": pgettext_lazy("invitation", "accepted"),
    "revoked": pgettext_lazy("state", "revoked"),
    "expired": pgettext_lazy("state", "expired"),
}
STATE_COLOURS = {"open": "info", "accepted": "success", "revoked": "danger", "expired": "warning"}
REVOKE = Change(
    name="revoke",
    label=_("Revoke"),
    done=_("revoked"),
    apply=lambda request, row, now: revoke_invitation(actor=request.user, invitation=row, now=now),
    icon="block",
    question=_("The link in the mail stops working."),
    variant=ActionVariant.DANGER,
)


class InvitationForm(RoleForm):
    named_by = "email"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if typed := self.fields.get(TYPED_NAME):
            typed.label = _("Type the e-mail address to confirm")


@admin.register(Invitation)
class InvitationAdmin(ServiceAdmin):
    empty_text = _("Invite an author by mail. The link in the mail creates one account.")
    form = InvitationForm
    may_manage = staticmethod(policy.may_manage_users)
    list_display = ["email", "shown_role", "shown_state", "invited_by", "sent", "expires"]
    list_filter = ["role", "created_at"]
    list_select_related = ["invited_by"]
    search_fields = ["email"]
    search_help_text = _("E-mail address")
    ordering = ["-created_at", "-pk"]
    actions = [for_selected(REVOKE)]
    actions_detail = ["revoke"]
    add_fieldsets = ((None, {"fields": ["email", "role", TYPED_NAME]}),)
    readonly_fields = ["shown_state"]
    fieldsets = (
        (None, {"fields": [("email", "role"), ("shown_state", "invited_by")]}),
        (_("When"), {"fields": [("created_at", "expires_at"), ("accepted_at", "revoked_at")]}),
    )
    sent, expires = instant_column("created_at", _("Sent")), instant_column("expires_at", _("Expires"))
    revoke = button(REVOKE)

    @display(description=_("Role"), ordering="role")
    def shown_role(self, invitation: Invitation) -> str:
        return str(Role(invitation.role).label)

    @display(description=_("State"), label=STATE_COLOURS)
    def shown_state(self, invitation: Invitation) -> Labelled:
        state = state_of(invitation, clock.now())
        return Labelled(state, STATES[state])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # another one takes its place

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        invitation = self.get_object(request, str(object_id))
        is_open = invitation is not None and state_of(invitation, clock.now()) == "open"
        return super().get_actions_detail(request, object_id) if is_open else []

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        # Not by `create`, which does not know the address that the mail has to lead back to.
        email, role = form.cleaned_data["email"], form.cleaned_data["role"]
        admin_url = admin_url_in_mails(request)
        return invite_user(actor=request.user, email=email, role=role, admin_url=admin_url, now=clock.now())
