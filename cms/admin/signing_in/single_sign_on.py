"""Single sign-on: to the provider, and back from there. Without its settings these pages do not exist."""

import datetime

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from cms import clock, limits
from cms.accounts.signing_in import begin_second_step, finish_sign_in, open_browser_session
from cms.accounts.single_sign_on import Journey, forget_journey, keep_journey, kept_journey
from cms.admin.forms import shown_refusal
from cms.admin.navigation import admin_url_of
from cms.admin.signing_in.pages import show
from cms.errors import CmsError, SecondFactorRequired
from cms.services.single_sign_on.provider import new_attempt
from cms.services.single_sign_on.signing_in import (
    begin_single_sign_on,
    finish_single_sign_on,
    is_second_factor_trusted,
)


@method_decorator(never_cache, name="dispatch")
class SingleSignOnView(View):
    http_method_names = ["get"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not settings.OIDC_ISSUER:
            raise Http404
        # A picture or a frame of some page, which its reader knows nothing of. Old browsers do not say.
        if request.headers.get("Sec-Fetch-Dest", "document") != "document":
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @property
    def redirect_uri(self) -> str:
        below = reverse("admin:single_sign_on_callback").removeprefix(reverse("admin:index"))
        return f"{admin_url_of(self.request)}{below}"

    def refuse(self, sentence: str) -> HttpResponse:
        return show(self.request, "single_sign_on_refused", _("You are not signed in"), refusal=sentence)


class BeginView(RedirectURLMixin, SingleSignOnView):
    """A link leads here and not a form: browsers would hold the provider's address against `form-action`."""

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get(self, request: HttpRequest) -> HttpResponse:
        if admin.site.has_permission(request):  # a link must not end the session of who is signed in
            return HttpResponseRedirect(self.get_success_url())
        attempt = new_attempt()
        try:
            url = begin_single_sign_on(attempt=attempt, redirect_uri=self.redirect_uri, now=clock.now())
        except CmsError as refusal:
            return self.refuse(shown_refusal(refusal))
        response, next_url = redirect(url), self.get_success_url()
        is_short = len(next_url) <= limits.URL_MAX  # browsers drop cookies of more than 4 KB
        keep_journey(response, Journey(attempt, next_url if is_short else self.get_default_redirect_url()))
        return response


class CallbackView(SingleSignOnView):
    def get(self, request: HttpRequest) -> HttpResponse:
        journey, code = kept_journey(request), request.GET.get("code", "")
        if journey is None:
            return self.refuse(
                _(
                    "This sign-in was started in another browser or more than ten minutes ago, or another sign-in was "
                    "started after it. Start again."
                )
            )
        if not code or request.GET.get("iss", settings.OIDC_ISSUER) != settings.OIDC_ISSUER:  # RFC 9207
            response = self.refuse(
                _("%(name)s did not sign you in. Try again, or ask an admin.") % {"name": settings.OIDC_NAME}
            )
        else:
            response = self._sign_in(journey, code, clock.now())
        forget_journey(response)
        return response

    @sensitive_variables("code")
    def _sign_in(self, journey: Journey, code: str, now: datetime.datetime) -> HttpResponse:
        attempt, next_url = journey
        try:
            user = finish_single_sign_on(attempt=attempt, code=code, redirect_uri=self.redirect_uri, now=now)
        except SecondFactorRequired as half:
            begin_second_step(self.request, half.user, next_url, now)
            return redirect("admin:second_step")
        except CmsError as refusal:
            return self.refuse(shown_refusal(refusal))
        enter = finish_sign_in if is_second_factor_trusted() else open_browser_session
        enter(self.request, user, now)
        return HttpResponseRedirect(next_url)
