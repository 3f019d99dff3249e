"""A forgotten password: asked for on the login page, and the new one that the mail's link sets."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminPasswordWidget

from cms import clock, limits
from cms.admin.forms import add_refusal
from cms.admin.navigation import admin_url_in_mails
from cms.admin.signing_in.pages import keep_token, show
from cms.errors import CmsError, InvalidInput
from cms.services.passwords import request_password_reset, reset_password, user_of_reset_token

_TOKEN_KEY = "password_reset_token"  # noqa: S105 - a name in the session


class AddressForm(forms.Form):
    email = forms.CharField(
        label=_("E-mail address"),
        max_length=limits.EMAIL_MAX,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "email", "autofocus": ""}),
    )


def _password_field(label: Any, **options: Any) -> forms.CharField:
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, strip=False, widget=widget, **options)


class NewPasswordForm(forms.Form):
    password = _password_field(_("New password"), help_text=_("At least 8 characters, and no common password."))
    again = _password_field(_("The same password again"))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if "again" in given and given.get("password") != given["again"]:
            self.add_error("again", _("The two passwords differ."))
        return given


@method_decorator(never_cache, name="dispatch")
class ForgottenPasswordView(View):
    """Answers alike for every address, known or not."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(AddressForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AddressForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        page = f"{admin_url_in_mails(request)}password-reset/{{token}}/"
        try:
            request_password_reset(email=form.cleaned_data["email"], now=clock.now(), page=page)
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        return redirect("admin:password_reset_sent")

    def _show(self, form: forms.Form) -> HttpResponse:
        return show(self.request, "forgotten_password", _("Forgotten password"), form=form)


class MailSentView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return show(request, "mail_sent", _("Check your mail"))


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class NewPasswordView(View):
    """The mail's link keeps its token in the session and goes on without it: no log and no referrer gets to see it."""

    def get(self, request: HttpRequest, token: str = "") -> HttpResponse:
        try:
            user = user_of_reset_token(token=token or self._token, now=clock.now())
        except InvalidInput:  # before anything is stored: strangers fill no table
            return self._show_bad_link()
        if not token:
            return self._show(NewPasswordForm())
        is_kept = keep_token(request, _TOKEN_KEY, token, user.pk)
        return redirect("admin:new_password") if is_kept else self._show_bad_link()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        try:
            reset_password(token=self._token, password=form.cleaned_data["password"], now=clock.now())
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        request.session.flush()
        messages.success(request, _("Your new password is set. Log in with it."))
        return redirect("admin:login")

    @property
    def _token(self) -> str:
        token: str = self.request.session.get(_TOKEN_KEY, "")
        return token

    def _show_bad_link(self) -> HttpResponse:
        return show(self.request, "bad_link", _("This link is not valid"))

    def _show(self, form: forms.Form) -> HttpResponse:
        return show(self.request, "new_password", _("Set a new password"), form=form, button=_("Set password"))
