"""The same as v2, with a call that v1 lacks, and pages for failures, which `?page=…` spoils or lets fail too."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.defaults import bad_request, server_error

from tests.canary.failing_urls_v1 import ENDS, MALFORMED, Made, answer, exit_at_once, routes

PAGES = ("text", "none", "raise", *ENDS, "made")
"""How its error pages fail."""
urlpatterns = [*routes(2), path("api/news", partial(answer, 2))]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _spoilt(bad_request(request, exception), request)


def handler500(request: HttpRequest) -> HttpResponse:
    return _spoilt(server_error(request), request)


def _spoilt(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    told = request.GET.get("page")
    if told == "raise":
        raise RuntimeError("planted")
    if told in ENDS:
        raise ENDS[told]
    if told == "made":
        return Made(exit_at_once)
    if told:
        MALFORMED[told](response)
    return response
