"""Registering, signing in and out, and the user behind a token."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from api_v1.responses import success
from api_v1.serializers.users import LoginInput, RefreshInput, RegisterInput, session_body, user_body
from api_v1.views.view import V1View
from cms.services.sessions import close_session, open_session, refresh_session
from cms.services.users import authenticate_user, register_user


class RegisterView(V1View):
    authentication_classes = []

    def post(self, request: Request) -> HttpResponse:
        fields = self.parse(RegisterInput)
        password, now = fields.pop("password"), timezone.now()
        user = register_user(fields=fields, password=password, now=now)  # type: ignore[arg-type]
        return success(session_body(user, open_session(user=user, now=now)), 201)


class LoginView(V1View):
    authentication_classes = []

    def post(self, request: Request) -> HttpResponse:
        fields = self.parse(LoginInput)
        user = authenticate_user(username_or_email=fields["email"], password=fields["password"])
        return success(session_body(user, open_session(user=user, now=timezone.now())))


class RefreshView(V1View):
    # Clients send their expired access token along with the request that is to replace it.
    authentication_classes = []

    def post(self, request: Request) -> HttpResponse:
        refresh_token = self.parse(RefreshInput)["refresh_token"]
        user, tokens = refresh_session(refresh_token=refresh_token, now=timezone.now())
        return success(session_body(user, tokens))


class LogoutView(V1View):
    def post(self, request: Request) -> HttpResponse:
        self.require()
        close_session(claims=request.auth, now=timezone.now())  # type: ignore[arg-type]
        request._request.is_signed_out = True  # type: ignore[attr-defined]  # for the canary's cookie
        return success(None)


class ProfileView(V1View):
    def get(self, request: Request) -> HttpResponse:
        return success(user_body(self.require()))
