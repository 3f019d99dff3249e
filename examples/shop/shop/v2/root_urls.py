"""Where version 2 answers: at its own path, and at the entrance for those whom the canary sends here."""

from django.urls import include, path

urlpatterns = [
    path("api/v2/", include("shop.v2.urls")),
    path("api/", include("shop.v2.urls")),
]
