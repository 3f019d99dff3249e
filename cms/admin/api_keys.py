"""API keys: one's own for everybody who works here, all of them for admins. A key itself is shown once, when it is made."""

import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from cms import clock, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.forms import ServiceForm
from cms.admin.options import ServiceAdmin, instant_column
from cms.choices import Scope
from cms.models import ApiKey
from cms.services.api_keys import create_api_key, revoke_api_key

SHOWN_ONCE = "The key is {} - copy it now: it is shown this once and stored nowhere."


def _revoke(request: HttpRequest, api_key: ApiKey, now: datetime.datetime) -> None:
    revoke_api_key(actor=request.user, api_key=api_key, now=now)


REVOKE = Change(
    *("revoke", "Revoke", "revoked", _revoke, "key_off"),
    question="Whatever uses this key is refused from now on; there is no way back.",
    variant=ActionVariant.DANGER,
)


class ApiKeyForm(ServiceForm):
    open_scopes: frozenset[Scope] = frozenset()
    """Those that the form offers."""
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="As few as will do."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if scopes := self.fields.get("scopes"):
            scopes.choices = [(scope.value, scope.value) for scope in Scope if scope in self.open_scopes]  # type: ignore[attr-defined]
        if owner := self.fields.get("owner"):
            owner.required = False
            owner.help_text = "Empty: yourself."


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    form = ApiKeyForm
    may_manage = staticmethod(policy.may_manage_own_keys)
    list_display = ["name", "prefix", "owner", "shown_scopes", "is_active", "used", "expires"]
    list_filter = ["is_active", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "prefix", "owner__username"]
    search_help_text = "Name, prefix or owner"
    ordering = ["-created_at", "-pk"]
    autocomplete_fields = ["owner"]
    actions = [for_selected(REVOKE)]
    actions_detail = ["revoke"]
    add_fieldsets = ((None, {"fields": ["name", "scopes", "contact_email", "expires_at"]}),)
    add_fieldsets_of_admins = ((None, {"fields": ["name", "owner", "scopes", "contact_email", "expires_at"]}),)
    readonly_fields = ["shown_scopes", "shown_owner"]
    fieldsets = (
        (None, {"fields": [("name", "prefix"), ("shown_owner", "contact_email"), "shown_scopes"]}),
        ("State", {"fields": [("is_active", "expires_at"), ("last_used_at", "created_at")]}),
    )

    used, expires = instant_column("last_used_at", "Last used"), instant_column("expires_at", "Expires")
    revoke = button(REVOKE)

    @display(description="Scopes")
    def shown_scopes(self, api_key: ApiKey) -> str:
        return ", ".join(api_key.scopes)

    @display(description="Owner")
    def shown_owner(self, api_key: ApiKey) -> str:
        """Without Django's link to the user's page, which only admins open."""
        return str(api_key.owner)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).visible_to(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a key is replaced rather than changed

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None and policy.may_manage_all_keys(request.user):
            return self.add_fieldsets_of_admins
        return super().get_fieldsets(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        form_class.open_scopes = policy.scopes_open_to(request.user)  # type: ignore[arg-type]
        return form_class

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        api_key = self.get_object(request, str(object_id))
        return super().get_actions_detail(request, object_id) if api_key and api_key.is_active else []

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        # Not by `create`, which gives a row: what is to be shown isn't in it. The message travels in a signed cookie.
        values: Any = {name: form.cleaned_data[name] for name in form.changed_data}
        owner: Any = values.pop("owner", None) or request.user
        issued = create_api_key(actor=request.user, owner=owner, fields=values, now=clock.now())
        self.message_user(request, SHOWN_ONCE.format(issued.raw_key), messages.WARNING)
        return issued.api_key
