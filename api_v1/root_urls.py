"""Every address that v1 answers for the canary: its pinned paths and the entrance without a version."""

from django.urls import include, path, re_path

from api_v1.views.info import NotFoundView

urlpatterns = [
    # Pinned first: `/api` is the beginning of `/api/v1` too.
    path("api/v1", include("api_v1.urls")),
    path("api", include("api_v1.urls")),
    re_path("", NotFoundView.as_view()),
]
handler400 = "api_v1.errors.bad_request"
handler500 = "api_v1.errors.server_error"
