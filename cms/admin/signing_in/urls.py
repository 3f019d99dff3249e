"""Addresses below the admin site's own, loaded with the first request: commands need neither QR codes nor passkeys."""

from typing import Any

from django.contrib import admin
from django.urls import path

from cms.admin.signing_in.invitations import InvitationView
from cms.admin.signing_in.passwords import ForgottenPasswordView, MailSentView, NewPasswordView
from cms.admin.signing_in.second_step import SecondStepView, SetupView
from cms.admin.signing_in.single_sign_on import BeginView, CallbackView
from cms.admin.signing_in.two_factor import (
    AddAppView,
    AddPasskeyView,
    OverviewView,
    RemoveAppView,
    RemovePasskeyView,
    RenewCodesView,
)


def own(view: Any) -> Any:
    """A page for who is signed in at the admin site."""
    return admin.site.admin_view(view.as_view())


urlpatterns = [
    path("login/second-step/", SecondStepView.as_view(), name="second_step"),
    path("login/single-sign-on/", BeginView.as_view(), name="single_sign_on"),
    path("login/single-sign-on/callback/", CallbackView.as_view(), name="single_sign_on_callback"),
    path("login/set-up/", SetupView.as_view(), name="second_factor_setup"),
    path(
        "password-reset/", ForgottenPasswordView.as_view(), name="admin_password_reset"
    ),  # a name that Unfold looks for
    path("password-reset/sent/", MailSentView.as_view(), name="password_reset_sent"),
    path("password-reset/new/", NewPasswordView.as_view(), name="new_password"),
    path("password-reset/<str:token>/", NewPasswordView.as_view(http_method_names=["get"])),
    path("invitation/", InvitationView.as_view(), name="invitation"),
    path("invitation/<str:token>/", InvitationView.as_view(http_method_names=["get"])),
    path("two-factor/", own(OverviewView), name="two_factor"),
    path("two-factor/app/", own(AddAppView), name="add_app"),
    path("two-factor/app/remove/", own(RemoveAppView), name="remove_app"),
    path("two-factor/passkeys/", own(AddPasskeyView), name="add_passkey"),
    path("two-factor/passkeys/<uuid:passkey_id>/remove/", own(RemovePasskeyView), name="remove_passkey"),
    path("two-factor/codes/", own(RenewCodesView), name="renew_codes"),
]
