"""The same as v2."""

from django.urls import path

from tests.canary.seen_urls_v1 import missing, routes

urlpatterns = [*routes(2), path("<path:rest>", lambda request, rest: missing(request))]
