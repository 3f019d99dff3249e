"""Registering, signing in and out, the user behind a credential, and the CSRF token of browsers."""

from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request

from api_v1.responses import JsonResponse, success
from api_v1.serializers.users import LoginInput, RefreshInput, RegisterInput, session_body, user_body
from api_v1.views.view import V1View
from cms import clock
from cms.accounts.authentication import sign_out
from cms.services.sessions import open_session, refresh_session
from cms.services.signing_in import sign_in
from cms.services.users import register_user

# For responses with tokens (RFC 6749 section 5.1).
NOT_KEPT: Final = {"Cache-Control": "no-store"}


class RegisterView(V1View):
    authentication_classes = []

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        fields = self.parse(RegisterInput)
        password, now = fields.pop("password"), clock.now()
        user = register_user(fields=fields, password=password, now=now)  # type: ignore[arg-type]
        return success(session_body(user, open_session(user=user, now=now)), 201, NOT_KEPT)


class LoginView(V1View):
    authentication_classes = []

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        """Sign in for the refresh token's whole lifetime, or for a day if `remember_me` is false."""
        fields, now = self.parse(LoginInput), clock.now()
        user = sign_in(username_or_email=fields["email"], password=fields["password"], now=now)
        tokens = open_session(user=user, now=now, is_remembered=fields.get("remember_me", True))
        return success(session_body(user, tokens), headers=NOT_KEPT)


class RefreshView(V1View):
    # Clients send their expired access token along with the request that is to replace it.
    authentication_classes = []

    @sensitive_variables()
    def post(self, request: Request) -> HttpResponse:
        refresh_token = self.parse(RefreshInput)["refresh_token"]
        user, tokens = refresh_session(refresh_token=refresh_token, now=clock.now())
        return success(session_body(user, tokens), headers=NOT_KEPT)


class LogoutView(V1View):
    def post(self, request: Request) -> HttpResponse:
        self.require()
        sign_out(request._request, clock.now())
        return success(None)


class ProfileView(V1View):
    scopes = {"GET": None}

    def get(self, request: Request) -> HttpResponse:
        return success(user_body(self.require()))


class CsrfTokenView(V1View):
    """Sets the cookie too. With both, a browser that has signed in at the admin site may send changes."""

    authentication_classes = []

    def get(self, request: Request) -> HttpResponse:
        body = {"success": True, "csrf_token": get_token(request._request), "expires_in": settings.CSRF_COOKIE_AGE}
        return JsonResponse(body, headers=NOT_KEPT)
