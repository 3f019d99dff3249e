"""Where version 1 answers: at its own path, and at the entrance for those whom the canary sends here."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("shop.v1.urls")),
    path("api/", include("shop.v1.urls")),
]
