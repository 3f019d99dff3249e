"""The admin site itself: signing in, the user's password, the menu, the first page, and what forms suggest."""

from contextlib import suppress
from typing import Any

from django.apps import apps
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.i18n import JavaScriptCatalog
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.sites import UnfoldAdminSite

from cms import clock, policy
from cms.admin.dashboard import dashboard_context
from cms.admin.forms import shown_refusal
from cms.admin.navigation import sidebar
from cms.admin.profile import profile_urls
from cms.admin.signing_in.login import FirstStepView, LoginForm
from cms.admin.writing import session_view, signed_in_view
from cms.errors import InvalidInput, RateLimited, translated
from cms.models import Tag
from cms.services.sign_in_events import note_browser_logout
from cms.services.signing_in import prove_password
from cms.services.users import set_password
from cms.services.waiting_work import waiting_since


class AutocompleteView(AutocompleteJsonView):
    """The suggestions of a form. It offers an author terms and fellow authors, even where their pages are closed."""

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        # Pages of other packages have no such method; there Django's rule stands.
        suggest = getattr(self.model_admin, "has_suggest_permission", None)
        return suggest(request) if suggest else super().has_perm(request, obj)

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return self.model_admin.suggestable(rows) if hasattr(self.model_admin, "suggestable") else rows

    def process_request(self, request: HttpRequest) -> Any:
        """Refuse a name that is not one of the model's own fields: Django's check fails at other models' relations."""
        app, model, name = (request.GET.get(part, "") for part in ("app_label", "model_name", "field_name"))
        with suppress(LookupError, ValueError):
            columns = apps.get_model(app, model)._meta
            if name not in {field.name for field in (*columns.fields, *columns.many_to_many)}:
                raise PermissionDenied
        return super().process_request(request)

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        if isinstance(obj, Tag):  # forms name tags, since they may name new ones
            return {"id": obj.name, "text": obj.name}
        return super().serialize_result(obj, to_field_name)


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]
    def clean_old_password(self) -> str:
        """Count a wrong password as a failed login, which Django's own check doesn't."""
        password: str = self.cleaned_data["old_password"]
        try:
            self.proof = prove_password(user=self.user, password=password, now=clock.now())
        except InvalidInput as refusal:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect") from refusal
        except RateLimited as refusal:
            raise ValidationError(shown_refusal(refusal), code=refusal.code) from refusal
        return password

    def save(self, commit: bool = True) -> Any:
        password = self.cleaned_data["new_password1"]
        set_password(actor=self.user, user=self.user, password=password, now=clock.now(), proof=self.proof)
        return self.user


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return super().form_valid(form)
        except InvalidInput as refusal:
            for error in refusal.errors:
                form.add_error("new_password1", translated(error.message))
            return self.form_invalid(form)


class TandemAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    login_form = LoginForm
    login_template = "cms/signing_in/login.html"
    index_template = "admin/dashboard.html"
    index_title = _("Overview")

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().index(request, {**dashboard_context(request), **(extra_context or {})})

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out the colours: a style sheet has them, where Unfold would write them into each page."""
        context: dict[str, Any] = super().each_context(request)
        now = clock.now()
        since = waiting_since(now) if policy.may_administer(request.user) else None
        waited_min = round((now - since).total_seconds() / 60) if since else None
        return {**context, "colors": None, "waited_min": waited_min}

    def get_urls(self) -> list[Any]:
        return [
            path("", include("cms.admin.signing_in.urls")),
            *profile_urls(),
            path("session/", session_view, name="session"),
            path("session/signed-in/", self.admin_view(signed_in_view), name="signed_in"),
            *super().get_urls(),
        ]

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    @method_decorator(xframe_options_sameorigin)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """The first step of signing in, which the form of a post shows in a frame when a session has ended."""
        view = FirstStepView()
        view.setup(request)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(view.get_success_url())
        request.current_app = self.name
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        return FirstStepView.as_view(
            extra_context=context, authentication_form=self.login_form, template_name=self.login_template
        )(request)

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Return the texts of this project's scripts beside those of Django's."""
        return JavaScriptCatalog.as_view(packages=["django.contrib.admin", "cms"])(request)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        return sidebar(request, self.get_app_list(request))

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        try:
            return super().search(request, extra_context)
        except InvalidPage as error:
            raise Http404(str(error)) from error

    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return AutocompleteView.as_view(admin_site=self)(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        user = request.user if request.user.is_authenticated else None
        response = super().logout(request, extra_context)
        if user and request.method == "POST":
            note_browser_logout(user)
        return response

    @method_decorator(never_cache)
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse(f"{self.name}:password_change_done"),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    @method_decorator(never_cache)
    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().password_change_done(request, extra_context)
