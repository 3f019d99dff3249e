"""A URLconf of views that fail on purpose, outside `/api`, where the canary would choose another one."""

from django.db import OperationalError
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request

from api_v2.views.api_view import ApiView


class Faulty(ApiView):
    def get(self, request: Request) -> HttpResponse:
        raise RuntimeError("the secret of the vault")


class Unencodable(ApiView):
    def get(self, request: Request) -> HttpResponse:
        return self.answer({"a_set": {"the secret of the vault"}})


class Unreachable(ApiView):
    def get(self, request: Request) -> HttpResponse:
        raise OperationalError("connection to 10.1.2.3 refused")


urlpatterns = [
    path("planted/faulty", Faulty.as_view()),
    path("planted/unencodable", Unencodable.as_view()),
    path("planted/unreachable", Unreachable.as_view()),
]
