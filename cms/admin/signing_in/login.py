"""The first step of a login: name and password."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth.views import LoginView
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm

from cms import clock, limits
from cms.accounts.signing_in import begin_second_step, open_browser_session
from cms.errors import translated


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "The username, e-mail address or password is wrong, or this account can't open the admin site."
        ),
    }
    second_step_of: Any = None
    """The user who goes on with the second step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        username = self.fields["username"]
        username.label = _("Username or e-mail address")
        # Django takes the length of a username, and a browser would cut an address there.
        username.max_length = username.widget.attrs["maxlength"] = limits.EMAIL_MAX

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except forms.ValidationError:
            user = getattr(self.request, "second_step_of", None)
            if user is None:
                raise
        self.confirm_login_allowed(user)
        self.second_step_of = user
        return self.cleaned_data

    def get_invalid_login_error(self) -> forms.ValidationError:
        """Return the backend's own error where it has one: too many failures."""
        if refusal := getattr(self.request, "login_refusal", None):
            return forms.ValidationError(translated(refusal), code="rate_limited")
        return super().get_invalid_login_error()


class FirstStepView(LoginView):
    """Ends at the page that was asked for, or at the first page of the admin site."""

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "single_sign_on": self._single_sign_on()}

    def _single_sign_on(self) -> dict[str, str] | None:
        if not settings.OIDC_ISSUER:
            return None
        next_url = self.get_redirect_url()
        query = f"?{urlencode({self.redirect_field_name: next_url})}" if next_url else ""
        is_framed = next_url == reverse("admin:signed_in")
        url = f"{reverse('admin:single_sign_on')}{query}"
        return {"name": settings.OIDC_NAME, "url": url, "attributes": "target=_blank" if is_framed else ""}

    def form_valid(self, form: Any) -> HttpResponse:
        now, next_url = clock.now(), self.get_success_url()
        if form.second_step_of is None:
            open_browser_session(self.request, form.get_user(), now)
            return HttpResponseRedirect(next_url)
        begin_second_step(self.request, form.second_step_of, next_url, now)
        return redirect("admin:second_step")
