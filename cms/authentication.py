"""Authentication for both API versions: an access token becomes its user, or an error that each version words itself."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cms.credentials import access_claims
from cms.errors import InvalidToken
from cms.models import User
from cms.services.sessions import user_of_session


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. A bad token is refused even where none is needed: its sender believes to be known."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        http_request: HttpRequest = request._request
        claims = access_claims(http_request)
        if claims is None:
            if http_request.META.get("HTTP_AUTHORIZATION"):
                raise InvalidToken("The only supported scheme of Authorization is Bearer.")
            return None
        return user_of_session(claims=claims, now=timezone.now()), claims

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
