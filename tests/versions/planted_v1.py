"""v1 with a view that is wrong in the ways of `planted_v2`."""

from django.urls import include, path

from tests.versions.planted_v2 import suggest_by_v1

urlpatterns = [
    path("api/v1/search/suggest", suggest_by_v1),
    path("", include("api_v1.root_urls")),
]
