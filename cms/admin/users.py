"""Users: their roles, suspending them, setting their passwords."""

import datetime
from contextlib import AbstractContextManager
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordToggleWidget

from cms import clock, policy
from cms.accounts.open_browsers import open_browsers
from cms.admin.dialogs import Change, button, for_selected
from cms.admin.making_admins import TYPED_NAME, RoleForm
from cms.admin.options import ServiceAdmin, instant_column
from cms.admin.roles import explained_roles
from cms.admin.shown import Labelled
from cms.choices import Role
from cms.errors import PermissionRefused
from cms.models import ApiKey, AuthenticatorApp, AuthSession, Passkey, User
from cms.policy import Actor
from cms.services.browser_sessions import end_all_logins
from cms.services.confirming import confirm_deletion
from cms.services.groups import set_groups
from cms.services.second_factors.factors import has_second_factor
from cms.services.second_factors.resetting import reset_second_factors
from cms.services.single_sign_on.identities import is_linked, unlink_identities
from cms.services.user_deletion import delete_user
from cms.services.users import create_user, hashed_ahead, set_password, update_user

ROLE_COLOURS = {
    Role.SUBSCRIBER.value: None,
    Role.ADMIN.value: "danger",
    Role.EDITOR.value: "warning",
    Role.AUTHOR.value: "info",
}


def _password_field(**options: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=gettext_lazy("Password"), strip=False, widget=widget, **options)


class PasswordForm(BaseDialogForm):  # type: ignore[misc]
    password = _password_field(help_text=gettext_lazy("At least 8 characters, and no common password."))


class DeletionForm(BaseDialogForm):  # type: ignore[misc]
    current_password = forms.CharField(
        label=gettext_lazy("Your password"),
        help_text=gettext_lazy("For your own account only."),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "current-password"}),
    )


class UserForm(RoleForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if role := self.fields.get("role"):
            role.help_text = explained_roles()


class NewUserForm(UserForm):
    password = _password_field(
        required=False, help_text=gettext_lazy("Empty: nobody can sign in as this user until it is set.")
    )


def _set_password(request: HttpRequest, user: User, now: datetime.datetime, password: str) -> None:
    if policy.is_oneself(request.user, user):
        raise PermissionRefused(_("Change your own password under “Change password”, which asks for the current one."))
    set_password(actor=request.user, user=user, password=password, now=now)


def _delete(request: HttpRequest, user: User, now: datetime.datetime, current_password: str) -> None:
    actor: Actor = request.user
    proof = confirm_deletion(actor=actor, user=user, current_password=current_password or None, now=now)
    delete_user(actor=actor, user=user, now=now, proof=proof)


def _setting(name: str, label: Any, done: Any, icon: str, question: Any = "", **values: Any) -> Change:
    """Return a change that sets these fields of a user."""
    look = values.pop("variant", ActionVariant.DEFAULT)

    def apply(request: HttpRequest, user: User, now: datetime.datetime) -> None:
        update_user(actor=request.user, user=user, changes=values, now=now)  # type: ignore[arg-type]

    return Change(name, label, done, apply, icon, question, look)


SUSPEND = _setting(
    *("suspend", gettext_lazy("Suspend"), gettext_lazy("suspended"), "person_off"),
    question=gettext_lazy("Sessions and tokens of this user end at once."),
    variant=ActionVariant.DANGER,
    is_active=False,
)
ACTIVATE = _setting(
    *("activate", gettext_lazy("Activate"), gettext_lazy("activated"), "person_check"),
    question=gettext_lazy("The user can sign in again."),
    is_active=True,
)
SET_PASSWORD = Change(
    name="set_password",
    label=gettext_lazy("Set password"),
    done=gettext_lazy("given a new password"),
    apply=_set_password,
    icon="key",
    question=gettext_lazy("Every session of this user ends."),
    form=PasswordForm,
)
RESET_SECOND_FACTOR = Change(
    name="reset_second_factor",
    label=gettext_lazy("Reset second factor"),
    done=gettext_lazy("left without a second factor"),
    apply=lambda request, user, now: reset_second_factors(actor=request.user, user=user, now=now),
    icon="phonelink_erase",
    question=gettext_lazy(
        "For a user who has lost the phone and the recovery codes: make sure that it is really the user who asks. All "
        "second factors are removed, sessions end at once, and the user gets a mail."
    ),
    variant=ActionVariant.DANGER,
)
UNLINK = Change(
    name="unlink_single_sign_on",
    label=gettext_lazy("Unlink single sign-on"),
    done=gettext_lazy("unlinked"),
    apply=lambda request, user, now: unlink_identities(actor=request.user, user=user, now=now),
    icon="link_off",
    question=gettext_lazy(
        "For a user with a new account at the provider: the next sign-in there links it, by the e-mail address. "
        "Sessions end at once. To keep a user out, suspend the user."
    ),
)
DELETE = Change(
    name="anonymise",  # the address "delete" is Django's own, of pages that remove rows
    label=gettext_lazy("Delete"),
    done=gettext_lazy("deleted"),
    apply=_delete,
    icon="person_remove",
    question=gettext_lazy(
        "Name, e-mail address and all other personal data are erased, sessions and keys end at once. Everything that "
        "the user wrote stays, under “deleted user”. This can't be undone."
    ),
    variant=ActionVariant.DANGER,
    form=DeletionForm,
)
MAKING: dict[Role, tuple[Any, Any]] = {
    Role.SUBSCRIBER: (gettext_lazy("Make subscriber"), gettext_lazy("made subscriber")),
    Role.AUTHOR: (gettext_lazy("Make author"), gettext_lazy("made author")),
    Role.EDITOR: (gettext_lazy("Make editor"), gettext_lazy("made editor")),
    Role.ADMIN: (gettext_lazy("Make admin"), gettext_lazy("made admin")),
}
ROLES = [
    _setting(f"make_{role}", *MAKING[role], "", role=role.value)._replace(
        typed_name=(lambda user: user.username) if role == Role.ADMIN else None,
        variant=ActionVariant.DANGER if role == Role.ADMIN else ActionVariant.DEFAULT,
    )
    for role in Role
]


END_SESSIONS = Change(
    name="end_sessions",
    label=gettext_lazy("End sessions"),
    done=gettext_lazy("signed out everywhere"),
    apply=lambda request, user, now: end_all_logins(actor=request.user, user=user, now=now),
    icon="logout",
    question=gettext_lazy("The user is signed out in every browser and app. API keys and the password stay."),
)
KEYS_SHOWN = 50
HAS_SECOND_FACTOR = Exists(AuthenticatorApp.objects.filter(user=OuterRef("pk")).exclude(confirmed_at=None)) | Exists(
    Passkey.objects.filter(user=OuterRef("pk"))
)


@admin.register(User)
class UserAdmin(ServiceAdmin):
    form = UserForm
    may_manage = staticmethod(policy.may_manage_users)
    list_display = ["username", "email", "display_name", "shown_role", "is_active", "has_factor", "signed_in", "joined"]
    list_filter = ["role", "is_active", "email_verified", "created_at"]
    search_fields = ["username", "display_name", "email"]
    search_help_text = gettext_lazy("Username, display name or e-mail address")
    ordering = ["-created_at", "-pk"]
    actions = [for_selected(change) for change in (SUSPEND, ACTIVATE, *ROLES)]
    actions_detail = [
        *("set_password", END_SESSIONS.name, RESET_SECOND_FACTOR.name, UNLINK.name, "suspend", "activate"),
        DELETE.name,
    ]
    readonly_fields = [
        *("is_active", "pending_email", "second_factor", "last_login", "created_at", "updated_at"),
        *("sessions", "api_keys"),
    ]
    account = (None, {"fields": [("username", "email"), ("role", "email_verified"), TYPED_NAME]})
    person = (gettext_lazy("About"), {"fields": [("first_name", "last_name"), "display_name", "bio"]})
    add_fieldsets = (account, (gettext_lazy("Signing in"), {"fields": ["password"]}), person)
    groups = (gettext_lazy("Rollouts"), {"fields": ["groups"]})
    fieldsets = (
        account,
        person,
        groups,
        (
            gettext_lazy("State"),
            {"fields": ["pending_email", ("is_active", "second_factor"), "last_login", ("created_at", "updated_at")]},
        ),
        (gettext_lazy("Sessions and keys"), {"fields": ["sessions", "api_keys"]}),
    )

    signed_in, joined = (
        instant_column("last_login", gettext_lazy("Last login")),
        instant_column("created_at", gettext_lazy("Joined")),
    )
    suspend, activate, set_password = button(SUSPEND), button(ACTIVATE), button(SET_PASSWORD)
    end_sessions = button(END_SESSIONS)
    anonymise, reset_second_factor = button(DELETE), button(RESET_SECOND_FACTOR)
    unlink_single_sign_on = button(UNLINK)

    @display(description=gettext_lazy("Sessions"))
    def sessions(self, user: User) -> str:
        now = clock.now()
        browsers = open_browsers(user=user, current_key=None, now=now)
        rows = [(one.agent or _("A browser"), one.ip, one.signed_in_at) for one in browsers]
        opened = AuthSession.objects.filter(user=user).open(now).order_by("-updated_at")[:KEYS_SHOWN]
        rows += [(_("An app, through the API"), "", session.created_at) for session in opened]
        shown = [(name, ip, date_format(localtime(at), "SHORT_DATETIME_FORMAT") if at else "") for name, ip, at in rows]
        return format_html_join("", '<span class="block break-words">{} {} {}</span>', shown) or _("None")

    @display(description=gettext_lazy("API keys"))
    def api_keys(self, user: User) -> str:
        """List the keys; each leads to its page, which has the button that revokes it."""
        keys = ApiKey.objects.unless_erasing().filter(owner=user).order_by("-is_active", "-created_at")[:KEYS_SHOWN]
        rows = [
            (
                reverse("admin:cms_apikey_change", args=[key.pk]),
                key.name,
                ", ".join(key.scopes),
                "" if key.is_active else _("(revoked)"),
            )
            for key in keys
        ]
        return format_html_join("", '<a class="block" href="{}">{}: {} {}</a>', rows) or _("None")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.annotate(has_second_factor=HAS_SECOND_FACTOR)

    @display(description=gettext_lazy("Second factor"), boolean=True)
    def has_factor(self, user: Any) -> bool:
        return user.has_second_factor

    @display(description=gettext_lazy("Second factor"), boolean=True)
    def second_factor(self, user: User) -> bool:
        return has_second_factor(user)

    @display(description=gettext_lazy("Role"), ordering="role", label=ROLE_COLOURS)
    def shown_role(self, user: User) -> Labelled:
        role = Role(user.role)
        return Labelled(role.value, role.label)

    def has_suggest_permission(self, request: HttpRequest) -> bool:
        return policy.may_write_posts(request.user)

    def suggestable(self, rows: QuerySet[User]) -> QuerySet[User]:
        return rows.filter(is_active=True).exclude(role=Role.SUBSCRIBER)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Others look for co-authors here; who could search by address could find addresses out, letter by letter."""
        fields = super().get_search_fields(request)
        return fields if policy.may_manage_users(request.user) else [name for name in fields if name != "email"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Without the confirmation on the page of somebody who is an admin already."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or obj.role != Role.ADMIN:
            return fieldsets
        (title, account), *others = fieldsets
        fields = [row for row in account["fields"] if row != TYPED_NAME]
        return [(title, {**account, "fields": fields}), *others]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": NewUserForm}), **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        user = self.get_object(request, str(object_id))
        if user is None or user.deleted_at:
            return []
        pointless = {"cms_user_activate" if user.is_active else "cms_user_suspend"}
        if policy.is_oneself(request.user, user):  # the profile ends single ones
            pointless.add(f"cms_user_{END_SESSIONS.name}")
        if not has_second_factor(user):
            pointless.add(f"cms_user_{RESET_SECOND_FACTOR.name}")
        if not (settings.OIDC_ISSUER and is_linked(user)):
            pointless.add(f"cms_user_{UNLINK.name}")
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name not in pointless]

    def creating(self, request: HttpRequest) -> AbstractContextManager[None]:
        return hashed_ahead(request.POST.get("password") or None)

    def create(self, actor: Actor, fields: Any, now: datetime.datetime) -> User:
        password = fields.pop("password", None)
        return create_user(actor=actor, fields=fields, password=password or None, now=now)

    def update(self, actor: Actor, row: User, changes: Any, now: datetime.datetime) -> User:
        groups = changes.pop("groups", None)
        if groups is not None:
            row = set_groups(actor=actor, user=row, groups=groups)
        return update_user(actor=actor, user=row, changes=changes, now=now) if changes else row
