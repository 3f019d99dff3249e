"""Authentication for views outside both API versions. They don't know the domain's errors but REST framework's."""

from contextlib import suppress

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from cms import clock
from cms.accounts.authentication import Credential, CredentialAuthentication, count_request
from cms.errors import CmsError, InvalidApiKey, InvalidToken, PermissionRefused, RateLimited
from cms.models import User
from cms.services.api_keys import is_use_due, note_use


class Refused(APIException):
    """A refusal of the domain, with its status for a client."""

    def __init__(self, refusal: CmsError) -> None:
        super().__init__(refusal.message, refusal.code)
        self.status_code = _status_of(refusal)
        self.wait = refusal.retry_after_s if isinstance(refusal, RateLimited) else None


class RestFrameworkAuthentication(CredentialAuthentication):
    """The same credentials by the same rules; `scopes` of the view say what an API key needs."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Credential] | None:
        now = clock.now()
        try:
            try:
                found = super().authenticate(request)
            finally:
                count_request(request._request, now)
        except CmsError as refusal:
            raise Refused(refusal) from refusal
        if found and (api_key := found[1].api_key) and is_use_due(api_key, now):
            with suppress(DatabaseError):  # what is asked for matters more than that it was asked
                note_use(api_key=api_key, now=now)
        return found


def _status_of(refusal: CmsError) -> int:
    if isinstance(refusal, InvalidToken | InvalidApiKey):
        return status.HTTP_401_UNAUTHORIZED
    if isinstance(refusal, PermissionRefused):
        return status.HTTP_403_FORBIDDEN
    return status.HTTP_429_TOO_MANY_REQUESTS if isinstance(refusal, RateLimited) else status.HTTP_400_BAD_REQUEST
