"""The arm of the next journey; like the others it would answer any path that is led to it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path


def answer(request: HttpRequest, **_: str) -> HttpResponse:
    return JsonResponse({"arm": 3})


urlpatterns = [re_path(r"^api(?:/v3)?(?:/.*)?$", answer)]
