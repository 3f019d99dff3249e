"""The same as v2, with a call that v1 lacks."""

from functools import partial

from django.urls import path

from tests.canary.failing_urls_v1 import answer, routes

urlpatterns = [*routes(2), path("api/news", partial(answer, 2))]
