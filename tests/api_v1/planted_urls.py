"""Views that fail in ways no real view does, to see v1's error page around them."""

from typing import Final

from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request

from api_v1.responses import success
from api_v1.views.view import V1View
from cms.errors import InvalidTransition, RateLimited, VersionConflict

FAILURES: Final[dict[str, Exception]] = {
    "crash": RuntimeError("a secret detail"),
    "transition": InvalidTransition("post", "archived", "published", ("draft",)),
    "conflict": VersionConflict("post", 7),
    "throttled": RateLimited("requests", 7),
    "suspicious": SuspiciousOperation("a secret detail"),
}


class PlantedView(V1View):
    def get(self, request: Request, failure: str) -> HttpResponse:
        raise FAILURES[failure]


class UnencodableView(V1View):
    def get(self, request: Request) -> HttpResponse:
        return success({"a_set": {1, 2}})


class EchoView(V1View):
    def put(self, request: Request) -> HttpResponse:
        return success(request.data)


urlpatterns = [
    path("planted/unencodable", UnencodableView.as_view()),
    path("planted/echo", EchoView.as_view()),
    path("planted/<str:failure>", PlantedView.as_view()),
]
