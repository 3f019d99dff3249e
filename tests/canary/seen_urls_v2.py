"""The same as v2, with one path more."""

from functools import partial

from django.urls import path

from tests.canary.seen_urls_v1 import answer, missing, routes

urlpatterns = [
    *routes(2),
    path("api/of-v2-alone", partial(answer, 2)),
    path("<path:rest>", lambda request, rest: missing(request)),
]
