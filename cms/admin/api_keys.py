"""API keys: everybody who works here manages their own, admins all of them. A key is shown once, when it is made."""

import datetime
import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from cms import clock, policy
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.forms import ServiceForm
from cms.admin.options import ServiceAdmin, instant_column
from cms.admin.scopes import SENTENCES, presets_within
from cms.admin.shown import show_secret
from cms.choices import Scope
from cms.models import ApiKey
from cms.services.api_keys import create_api_key, revoke_api_key


def _revoke(request: HttpRequest, api_key: ApiKey, now: datetime.datetime) -> None:
    revoke_api_key(actor=request.user, api_key=api_key, now=now)


REVOKE = Change(
    *("revoke", gettext_lazy("Revoke"), gettext_lazy("revoked"), _revoke, "key_off"),
    question=gettext_lazy("Every request with this key is refused from now on. This can't be undone."),
    variant=ActionVariant.DANGER,
)


KEY_FIELDS = ("preset", "scopes", "contact_email", "expires_at")


class ApiKeyForm(ServiceForm):
    open_scopes: frozenset[Scope] = frozenset()
    """The scopes that the form offers."""
    preset = forms.ChoiceField(
        label=gettext_lazy("Preset"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Chooses the scopes below. You may change them afterwards."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        required=False,  # the service says so, once a preset had its turn
        choices=Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("A key can do only what its scopes allow: choose as few as possible."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [scope for scope in Scope if scope in self.open_scopes]
        fields: dict[str, Any] = self.fields
        if scopes := fields.get("scopes"):
            scopes.choices = [(scope.value, f"{scope.value}: {SENTENCES[scope]}") for scope in offered]
        if preset := fields.get("preset"):
            presets = presets_within(self.open_scopes)
            preset.choices = [("", _("None")), *((name, label) for name, (label, _scopes) in presets.items())]
            preset.widget.attrs["data-scopes"] = json.dumps({name: kept for name, (_label, kept) in presets.items()})
        if owner := self.fields.get("owner"):
            owner.required = False
            owner.help_text = _("Empty: yourself.")

    def clean(self) -> dict[str, Any]:
        """Accept the preset alone, which a browser without scripts sends."""
        values = super().clean() or self.cleaned_data
        preset = presets_within(self.open_scopes).get(values.pop("preset", ""))
        if preset and not values.get("scopes"):
            values["scopes"] = [scope.value for scope in preset[1]]
        return values


@admin.register(ApiKey)
class ApiKeyAdmin(ServiceAdmin):
    empty_text = gettext_lazy("A program that calls the API sends a key instead of a login.")
    form = ApiKeyForm
    may_manage = staticmethod(policy.may_manage_own_keys)
    list_display = ["name", "prefix", "owner", "shown_scopes", "is_active", "used", "expires"]
    list_filter = ["is_active", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "prefix", "owner__username"]
    search_help_text = gettext_lazy("Name, prefix or owner")
    ordering = ["-created_at", "-pk"]
    autocomplete_fields = ["owner"]
    actions = [for_selected(REVOKE)]
    actions_detail = ["revoke"]
    add_fieldsets = ((None, {"fields": ["name", *KEY_FIELDS]}),)
    add_fieldsets_of_admins = ((None, {"fields": ["name", "owner", *KEY_FIELDS]}),)
    readonly_fields = ["explained_scopes", "shown_owner"]
    fieldsets = (
        (None, {"fields": [("name", "prefix"), ("shown_owner", "contact_email"), "explained_scopes"]}),
        (gettext_lazy("State"), {"fields": [("is_active", "expires_at"), ("last_used_at", "created_at")]}),
    )

    used, expires = (
        instant_column("last_used_at", gettext_lazy("Last used")),
        instant_column("expires_at", gettext_lazy("Expires")),
    )
    revoke = button(REVOKE)

    class Media:
        js = (Script("cms/presets.js", defer=True),)

    @display(description=gettext_lazy("Scopes"))
    def shown_scopes(self, api_key: ApiKey) -> str:
        return ", ".join(api_key.scopes)

    @display(description=gettext_lazy("Scopes"))
    def explained_scopes(self, api_key: ApiKey) -> str:
        rows = [(scope, SENTENCES[Scope(scope)] if scope in Scope.values else "") for scope in api_key.scopes]
        return format_html_join("", '<span class="block"><code>{}</code> {}</span>', rows)

    @display(description=gettext_lazy("Owner"))
    def shown_owner(self, api_key: ApiKey) -> str:
        """Show the owner without Django's link to the user's page, which only admins open."""
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
        # Not by `create`, which gives a row: the key that is to be shown is not in it.
        values: Any = {name: form.cleaned_data[name] for name in form.changed_data if name in form.cleaned_data}
        values["scopes"] = form.cleaned_data["scopes"]
        owner: Any = values.pop("owner", None) or request.user
        issued = create_api_key(actor=request.user, owner=owner, fields=values, now=clock.now())
        request.cms_secret = issued.raw_key  # type: ignore[attr-defined]
        return issued.api_key

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return show_secret(
            request,
            request.cms_secret,  # type: ignore[attr-defined]
            title=_("New API key"),
            label=obj.name,
            hint=_("Copy the key now and keep it in a safe place: it is shown only once and not stored."),
            next_url=reverse("admin:cms_apikey_change", args=[obj.pk]),
        )
