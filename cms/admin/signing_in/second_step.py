"""The second step of a login: the code of a second factor, or setting one up where the role needs it."""

import datetime

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.debug import sensitive_post_parameters

from cms import clock
from cms.accounts.signing_in import FirstStep, finish_sign_in, first_step_of, keep_challenge, take_challenge
from cms.admin.forms import add_refusal, shown_refusal
from cms.admin.signing_in.pages import CodeForm, host_of, qr_code, show
from cms.errors import CmsError, InvalidTransition, PasswordNeeded
from cms.services.second_factors.apps import app_of, confirm_app, offer_app
from cms.services.second_factors.factors import has_second_factor
from cms.services.second_factors.passkeys import Answer, ask_for_passkey, prove_passkey
from cms.services.signing_in import prove_second_factor


@method_decorator([never_cache, sensitive_post_parameters(), xframe_options_sameorigin], name="dispatch")
class StepView(View):
    """A page for who has given the right password a moment ago."""

    is_for_who_has_a_factor: bool
    other_page: str

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        first_step = first_step_of(request, clock.now())
        if first_step is None:
            return redirect("admin:login")
        if has_second_factor(first_step.user) is not self.is_for_who_has_a_factor:
            return redirect(self.other_page)
        self.first_step: FirstStep = first_step
        try:
            return super().dispatch(request, *args, **kwargs)
        except PasswordNeeded:  # another request has just set a new one
            return redirect("admin:login")
        except InvalidTransition:  # another one has just set a factor up
            return redirect(self.other_page)


class SecondStepView(StepView):
    is_for_who_has_a_factor = True
    other_page = "admin:second_factor_setup"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, now = CodeForm(request.POST), clock.now()
        if "credential" not in request.POST and not form.is_valid():
            return self._show(form)
        try:
            self._prove(form, now)
        except CmsError as refusal:
            form = CodeForm() if "credential" in request.POST else form
            return self._show(form, shown_refusal(refusal))
        finish_sign_in(request, self.first_step.user, now)
        return HttpResponseRedirect(self.first_step.next_url)

    def _prove(self, form: CodeForm, now: datetime.datetime) -> None:
        user, answer = self.first_step.user, self.request.POST.get("credential")
        challenge = take_challenge(self.request)
        if answer is None:
            prove_second_factor(user=user, code=form.cleaned_data["code"], now=now)
        else:
            prove_passkey(user=user, answer=Answer(answer, challenge, host_of(self.request)), now=now)

    def _show(self, form: CodeForm, refusal: str = "") -> HttpResponse:
        user = self.first_step.user
        asked = ask_for_passkey(user, host_of(self.request))
        if asked:
            keep_challenge(self.request, asked[1])
        context = {"form": form, "refusal": refusal, "passkey_options": asked and asked[0], "has_app": app_of(user)}
        return show(self.request, "second_step", _("Second step"), **context)


class SetupView(StepView):
    """No other page opens before the second factor is there."""

    is_for_who_has_a_factor = False
    other_page = "admin:second_step"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, now, step = CodeForm(request.POST), clock.now(), self.first_step
        if not form.is_valid():
            return self._show(form)
        try:
            codes = confirm_app(user=step.user, code=form.cleaned_data["code"], proof=step.proof, now=now)
        except PasswordNeeded:
            raise
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        finish_sign_in(request, step.user, now)
        return show(request, "first_codes", _("Save your recovery codes"), codes=codes, next_url=step.next_url)

    def _show(self, form: Form) -> HttpResponse:
        offer = offer_app(user=self.first_step.user, proof=self.first_step.proof, now=clock.now())
        context = {"offer": offer, "qr_code": qr_code(offer.uri)}
        return show(self.request, "setup", _("Set up two-factor sign-in"), form=form, **context)
