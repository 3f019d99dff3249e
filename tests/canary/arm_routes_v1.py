"""An arm of v1 with two calls that have a name."""

from django.urls import path

from tests.canary.arm_urls_v1 import answer

urlpatterns = [path("api/v1/things", answer), path("api/things", answer), path("api/v1/things/<str:id>", answer)]
