"""The URLconf that the canary sets when it has chosen v2: pinned paths and the entrance, both to the same views."""

from django.urls import include, path, re_path

from api_v2.views.index import IndexView, missing

urlpatterns = [
    path("api/v2", IndexView.as_view()),
    path("api/v2/", include("api_v2.urls")),
    path("api", IndexView.as_view()),
    path("api/", include("api_v2.urls")),
    re_path(r"(?s:.*)", missing),
]
handler400 = "api_v2.views.index.bad_request"
handler500 = "api_v2.views.index.server_error"
