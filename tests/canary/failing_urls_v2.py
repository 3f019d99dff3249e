"""The same as v2, with a call that v1 lacks, and a page for failures: `?page=text` spoils it, `?page=raise` fails."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.defaults import server_error

from tests.canary.failing_urls_v1 import MALFORMED, answer, routes

urlpatterns = [*routes(2), path("api/news", partial(answer, 2))]


def handler500(request: HttpRequest) -> HttpResponse:
    response, told = server_error(request), request.GET.get("page")
    if told == "raise":
        raise RuntimeError("planted")
    if told:
        MALFORMED[told](response)
    return response
