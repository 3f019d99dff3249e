"""Groups, which give permissions for rollouts. The page of a user shows the user's groups."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from cms import policy
from cms.admin.forms import ServiceForm
from cms.admin.options import DeletableAdmin
from cms.policy import Actor
from cms.services.groups import PERMISSIONS, create_group, delete_group, permissions_of, update_group

LABELS: dict[str, Any] = {
    "canary.view": _("See the rollout"),
    "canary.ramp": _("Change the weight, the plan and the lists"),
    "canary.rollback": _("Roll back"),
    "canary.lifecycle": _("Deprecate, switch off and restore API v1"),
    "canary.synthetic": _("Send synthetic requests"),
}


class GroupForm(ServiceForm):
    permissions = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=[(name, LABELS[name]) for name in PERMISSIONS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        help_text=_("Admins may do all of this without a group."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["permissions"] = permissions_of(self.instance)


admin.site.unregister(Group)  # Django's own page would change what people may do without a word in the audit trail


@admin.register(Group)
class GroupAdmin(DeletableAdmin):
    empty_text = _("A group lets people who are not admins look after a rollout.")
    form = GroupForm
    may_manage = staticmethod(policy.may_manage_users)
    deletion = _("Members lose the permissions of the group. This can't be undone.")
    list_display = ["name", "shown_permissions", "members"]
    search_fields = ["name"]
    ordering = ["name"]
    fields = ["name", "permissions"]

    @display(description=pgettext_lazy("permissions", "May"))
    def shown_permissions(self, group: Group) -> str:
        return ", ".join(permissions_of(group)) or "-"

    @display(description=_("Members"), ordering="member_count")
    def members(self, group: Any) -> int:
        count: int = group.member_count
        return count

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(member_count=Count("user"))

    def has_history(self, request: HttpRequest) -> bool:
        return False  # the audit trail names objects by UUIDs, and groups have numbers

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> Group:
        return create_group(actor=actor, fields=fields)

    def update(self, actor: Actor, row: Group, changes: Any, now: datetime.datetime) -> Group:
        return update_group(actor=actor, group=row, changes=changes)

    def delete(self, actor: Actor, row: Group, now: datetime.datetime) -> None:
        delete_group(actor=actor, group=row)
