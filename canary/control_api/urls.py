"""The addresses of the control API, below the path where the site includes them; the canary never splits them."""

from django.urls import path

from canary.control_api.views import VerbView

urlpatterns = [path("", VerbView.as_view(), name="canary_control_api"), path("<path:words>", VerbView.as_view())]
