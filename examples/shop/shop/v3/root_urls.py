"""Where version 3 answers: at its own path, and at the entrance for those whom the canary sends here."""

from django.urls import include, path

urlpatterns = [
    path("api/v3/", include("shop.v3.urls")),
    path("api/", include("shop.v3.urls")),
]
