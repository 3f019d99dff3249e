"""The profile of who is signed in: each section is a form of its own, and what it changes goes through a service."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from cms import clock, limits
from cms.accounts.open_browsers import open_browsers
from cms.admin.forms import PlainTextField, add_refusal, shown_refusal
from cms.errors import CmsError
from cms.models import AuthSession, User
from cms.services.browser_sessions import end_browser_session, end_other_logins
from cms.services.confirming import confirm_changes
from cms.services.preferences import time_zones
from cms.services.profile_pictures import remove_profile_picture, set_profile_picture
from cms.services.second_factors.factors import has_second_factor
from cms.services.sessions import revoke_session
from cms.services.users import update_user


def _text(label: Any, length: int, **options: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=length, required=False, widget=UnfoldAdminTextInputWidget(attrs=options)
    )


class PersonForm(forms.Form):
    display_name = _text(gettext_lazy("Display name"), limits.DISPLAY_NAME_MAX, autocomplete="nickname")
    first_name = _text(gettext_lazy("First name"), limits.PERSON_NAME_MAX, autocomplete="given-name")
    last_name = _text(gettext_lazy("Last name"), limits.PERSON_NAME_MAX, autocomplete="family-name")
    bio = PlainTextField(
        label=gettext_lazy("About you"),
        max_length=limits.BIO_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("Readers of your posts see your display name and this text."),
    )


class PreferencesForm(forms.Form):
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("The admin site shows dates in this time zone. Rollouts stay in UTC."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [("", _("The site's (%(zone)s)") % {"zone": settings.TIME_ZONE})]
        time_zone: Any = self.fields["time_zone"]
        time_zone.choices = zones + [(name, name.replace("_", " ")) for name in time_zones()]
        language: Any = self.fields["language"]
        language.choices = [("", _("The site's")), *settings.LANGUAGES]


class AddressForm(forms.Form):
    email = forms.CharField(
        label=gettext_lazy("E-mail address"),
        max_length=limits.EMAIL_MAX,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email"}),
    )
    current_password = forms.CharField(
        label=gettext_lazy("Current password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
        help_text=gettext_lazy("The new address takes effect when you open the link in the mail to it."),
    )


class PictureForm(forms.Form):
    picture = forms.FileField(
        label=gettext_lazy("Picture"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
    )


FORMS: dict[str, type[forms.Form]] = {
    "person": PersonForm,
    "preferences": PreferencesForm,
    "address": AddressForm,
    "picture": PictureForm,
}


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class ProfileView(View):
    """Shows all sections. A refused one is shown again with its errors, the others as they are stored."""

    def get(self, request: HttpRequest, section: str = "") -> HttpResponse:
        """The address of a section takes forms alone; it is met again by reloading a refused one."""
        return redirect("admin:profile") if section else self._show()

    def post(self, request: HttpRequest, section: str = "") -> HttpResponse:
        form_class = FORMS.get(section)
        if form_class is None:
            raise Http404
        form = form_class(request.POST, request.FILES, initial=self._initial(), auto_id=f"{section}_%s")
        if not form.is_valid():
            return self._show(**{section: form})
        try:
            said = self._save(section, form)
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(**{section: form})
        messages.success(request, said)
        return redirect("admin:profile")

    @property
    def user(self) -> User:
        user: Any = self.request.user
        return user

    def _save(self, section: str, form: forms.Form) -> str:
        values, now = form.cleaned_data, clock.now()
        if section == "picture":
            file = values["picture"]
            set_profile_picture(actor=self.user, user=self.user, upload=file, original_name=file.name, now=now)
            return _("Your picture was saved.")
        if section == "address":
            return self._save_address(values["email"], values["current_password"])
        update_user(actor=self.user, user=self.user, changes=values, now=now)  # type: ignore[arg-type]
        return _("Your profile was saved.") if section == "person" else _("Your time zone and language were saved.")

    def _save_address(self, email: str, password: str) -> str:
        now = clock.now()
        changes: Any = {"email": email}
        proof = confirm_changes(actor=self.user, user=self.user, changes=changes, current_password=password, now=now)
        user = update_user(actor=self.user, user=self.user, changes=changes, now=now, proof=proof)
        if user.pending_email:
            return _("A mail is on its way to %(address)s: open its link to confirm the address.") % {
                "address": user.pending_email
            }
        return _("Your address stays %(address)s.") % {"address": user.email}

    def _initial(self) -> dict[str, Any]:
        names = ("display_name", "first_name", "last_name", "bio", "time_zone", "language", "email")
        return {name: getattr(self.user, name) for name in names}

    def _show(self, **bound: forms.Form) -> HttpResponse:
        request, now, initial = self.request, clock.now(), self._initial()
        request.current_app = admin.site.name
        context = {
            **admin.site.each_context(request),
            "title": _("Profile"),
            "forms": {
                name: bound.get(name) or form(initial=initial, auto_id=f"{name}_%s") for name, form in FORMS.items()
            },
            "account": self.user,
            "has_second_factor": has_second_factor(self.user),
            "browsers": open_browsers(user=self.user, current_key=request.session.session_key, now=now),
            "clients": AuthSession.objects.visible_to(self.user).open(now).order_by("-updated_at"),
        }
        return render(request, "cms/admin/profile.html", context)


def _own_change(apply: Callable[..., str]) -> Any:
    """Return a view that makes a change by a POST without a form of its own, and goes back to the page."""

    class ChangeView(View):
        def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
            user: Any = request.user
            try:
                messages.success(request, apply(request, user, **names))
            except CmsError as refusal:
                messages.error(request, shown_refusal(refusal))
            return redirect(f"{reverse('admin:profile')}#sessions")

    return admin.site.admin_view(ChangeView.as_view())


def _remove_picture(request: HttpRequest, user: User) -> str:
    remove_profile_picture(actor=user, user=user, now=clock.now())
    return _("Your picture was removed.")


def _end_browser(request: HttpRequest, user: User, name: str) -> str:
    end_browser_session(user=user, name=name, now=clock.now())
    return _("That browser is signed out.")


def _end_client(request: HttpRequest, user: User, session_id: Any) -> str:
    session = AuthSession.objects.visible_to(user).filter(pk=session_id).first()
    if session is None:
        raise Http404
    revoke_session(actor=user, session=session, now=clock.now())
    return _("That session has ended.")


def _end_others(request: HttpRequest, user: User) -> str:
    with transaction.atomic():
        count = end_other_logins(user=user, current_key=request.session.session_key, now=clock.now())
        update_session_auth_hash(request, user)
    return ngettext("%(count)d other session has ended.", "%(count)d other sessions have ended.", count) % {
        "count": count
    }


def profile_urls() -> list[Any]:
    own = admin.site.admin_view(ProfileView.as_view())
    return [
        path("profile/", own, name="profile"),
        path("profile/picture/remove/", _own_change(_remove_picture), name="profile_picture_remove"),
        path("profile/sessions/end-others/", _own_change(_end_others), name="profile_end_others"),
        path("profile/browsers/<slug:name>/end/", _own_change(_end_browser), name="profile_end_browser"),
        path("profile/sessions/<uuid:session_id>/end/", _own_change(_end_client), name="profile_end_session"),
        path("profile/<slug:section>/", own, name="profile_section"),
    ]
