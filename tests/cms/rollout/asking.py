"""Requests as the canary sees them once a view has answered: by token, by key, by nobody."""

import contextlib
import datetime

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.views import APIView

from cms.accounts.authentication import CredentialAuthentication
from cms.errors import CmsError
from cms.models import User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.sessions import open_session


class Page(APIView):
    """Lets in whoever has a credential; its GET asks a key for no scope, so that a key is nobody there."""

    authentication_classes = [CredentialAuthentication]

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse()


def answered(headers: dict[str, str]) -> HttpRequest:
    request = RequestFactory().get("/api", headers=headers)
    with contextlib.suppress(CmsError):  # which the views of both versions word their way
        Page.as_view()(request)
    return request


def by_token(user: User, now: datetime.datetime) -> dict[str, str]:
    return {"authorization": f"Bearer {open_session(user=user, now=now).access_token}"}


def by_key(user: User, now: datetime.datetime, scope: str = "posts:read") -> dict[str, str]:
    fields = {"name": "k", "scopes": [scope]}
    return {"x-api-key": create_api_key(actor=SYSTEM, owner=user, fields=fields, now=now).raw_key}  # type: ignore[arg-type]
