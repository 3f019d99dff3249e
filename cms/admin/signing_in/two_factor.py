"""The user's own second factors: shown at any time, changed within ten minutes after the password was entered again."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from cms import clock, policy
from cms.accounts.signing_in import keep_challenge, keep_proof, note_second_factor, proof_of, take_challenge
from cms.admin.forms import add_refusal, shown_refusal
from cms.admin.signing_in.pages import CodeForm, PasskeyForm, PasswordForm, host_of, qr_code, show
from cms.errors import CmsError, Duplicate, InvalidInput, PasswordNeeded
from cms.services.proofs import Proof
from cms.services.second_factors.apps import app_of, confirm_app, offer_app, remove_app
from cms.services.second_factors.factors import has_second_factor
from cms.services.second_factors.passkeys import Answer, add_passkey, offer_passkey, passkeys_of, remove_passkey
from cms.services.second_factors.recovery_codes import count_recovery_codes, renew_recovery_codes
from cms.services.signing_in import prove_password

TITLE = gettext_lazy("Two-factor sign-in")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class OwnFactorsView(View):
    """A page of the signed-in user. The overview shows the refusals of services, and asks for the password."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.now = clock.now()
        self.user: Any = request.user
        try:
            return super().dispatch(request, *args, **kwargs)
        except CmsError as refusal:
            level = messages.INFO if isinstance(refusal, PasswordNeeded) else messages.ERROR
            messages.add_message(request, level, shown_refusal(refusal))
            return redirect("admin:two_factor")

    @property
    def proof(self) -> Proof:
        return proof_of(self.request, self.user)

    def show_codes(self, codes: list[str]) -> HttpResponse:
        return show(self.request, "codes", TITLE, codes=codes)


class OverviewView(OwnFactorsView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(PasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PasswordForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        try:
            proof = prove_password(user=self.user, password=form.cleaned_data["current_password"], now=self.now)
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        keep_proof(request, proof)
        return redirect("admin:two_factor")

    def _show(self, form: PasswordForm) -> HttpResponse:
        context = {
            "form": form,
            "may_change": self.proof.holds(self.user, self.now),
            "app": app_of(self.user),
            "passkeys": passkeys_of(self.user),
            "has_factor": has_second_factor(self.user),
            "codes_left": count_recovery_codes(self.user),
            "is_required": policy.needs_second_factor(self.user),
        }
        return show(self.request, "two_factor", TITLE, **context)


class AddAppView(OwnFactorsView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        try:
            codes = confirm_app(user=self.user, code=form.cleaned_data["code"], proof=self.proof, now=self.now)
        except InvalidInput as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        note_second_factor(request, self.now)
        messages.success(request, _("The authenticator app was added."))
        return self.show_codes(codes) if codes else redirect("admin:two_factor")

    def _show(self, form: CodeForm) -> HttpResponse:
        offer = offer_app(user=self.user, proof=self.proof, now=self.now)
        return show(self.request, "add_app", TITLE, form=form, offer=offer, qr_code=qr_code(offer.uri))


class RemoveAppView(OwnFactorsView):
    def post(self, request: HttpRequest) -> HttpResponse:
        remove_app(user=self.user, proof=self.proof, now=self.now)
        messages.success(request, _("The authenticator app was removed."))
        return redirect("admin:two_factor")


class AddPasskeyView(OwnFactorsView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(PasskeyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form, challenge = PasskeyForm(request.POST), take_challenge(request)
        if not form.is_valid():
            return self._show(form)
        name = form.cleaned_data["name"]
        answer = Answer(form.cleaned_data["credential"], challenge, host_of(request))
        try:
            codes = add_passkey(user=self.user, name=name, answer=answer, proof=self.proof, now=self.now)
        except (InvalidInput, Duplicate) as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        note_second_factor(request, self.now)
        messages.success(request, _("The passkey “%(name)s” was added.") % {"name": name})
        return self.show_codes(codes) if codes else redirect("admin:two_factor")

    def _show(self, form: PasskeyForm) -> HttpResponse:
        options, challenge = offer_passkey(user=self.user, host=host_of(self.request), proof=self.proof, now=self.now)
        keep_challenge(self.request, challenge)
        return show(self.request, "add_passkey", TITLE, form=form, passkey_options=options)


class RemovePasskeyView(OwnFactorsView):
    def post(self, request: HttpRequest, passkey_id: uuid.UUID) -> HttpResponse:
        remove_passkey(user=self.user, passkey_id=passkey_id, proof=self.proof, now=self.now)
        messages.success(request, _("The passkey was removed."))
        return redirect("admin:two_factor")


class RenewCodesView(OwnFactorsView):
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.show_codes(renew_recovery_codes(user=self.user, proof=self.proof, now=self.now))
