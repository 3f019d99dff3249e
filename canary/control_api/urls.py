"""The addresses of the control API, below wherever the site includes them; never split by the canary."""

from django.urls import path

from canary.control_api.views import VerbView

urlpatterns = [path("", VerbView.as_view()), path("<path:words>", VerbView.as_view())]
