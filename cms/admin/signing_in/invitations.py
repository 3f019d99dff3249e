"""The page that an invitation leads to: its reader chooses a username and a password."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminTextInputWidget

from cms import clock, limits
from cms.admin.forms import add_refusal
from cms.admin.signing_in.pages import keep_token, show
from cms.admin.signing_in.passwords import NewPasswordForm
from cms.errors import CmsError, InvalidInput
from cms.services.invitations import accept_invitation, find_invitation

_TOKEN_KEY = "invitation_token"  # noqa: S105 - a name in the session


class NewAccountForm(NewPasswordForm):
    username = forms.CharField(
        label=_("Username"),
        max_length=limits.USERNAME[1],
        help_text=_("3 to 30 letters A to Z, digits and _."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "username", "autofocus": "", "spellcheck": "false"}),
    )
    field_order = ["username"]


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class InvitationView(View):
    """The mail's link keeps its token in the session and goes on without it: no log and no referrer gets to see it."""

    def get(self, request: HttpRequest, token: str = "") -> HttpResponse:
        if token:
            return self._keep(token)
        return self._show(NewAccountForm())

    def _keep(self, token: str) -> HttpResponse:
        try:
            invitation = find_invitation(token=token, now=clock.now())
        except InvalidInput:  # before anything is stored: strangers fill no table
            return self._show_bad_link()
        is_kept = keep_token(self.request, _TOKEN_KEY, token, invitation.pk)
        return redirect("admin:invitation") if is_kept else self._show_bad_link()

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewAccountForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        username, password = form.cleaned_data["username"], form.cleaned_data["password"]
        try:
            accept_invitation(token=self._token, username=username, password=password, now=clock.now())
        except CmsError as refusal:
            add_refusal(form, refusal)
            return self._show(form)
        request.session.flush()
        messages.success(request, _("Your account is ready. Log in with it."))
        return redirect("admin:login")

    @property
    def _token(self) -> str:
        token: str = self.request.session.get(_TOKEN_KEY, "")
        return token

    def _show(self, form: forms.Form) -> HttpResponse:
        try:
            invitation = find_invitation(token=self._token, now=clock.now())
        except InvalidInput:
            return self._show_bad_link()
        context = {"form": form, "button": _("Create my account"), "invitation": invitation}
        return show(self.request, "new_account", _("Welcome"), **context)

    def _show_bad_link(self) -> HttpResponse:
        return show(self.request, "bad_invitation", _("This invitation is not valid"))
