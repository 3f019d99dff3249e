"""The other tiny arm."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path, reverse


def answer(request: HttpRequest, **_: str) -> HttpResponse:
    return JsonResponse({"arm": 2, "reversed": reverse("answer")})


urlpatterns = [re_path(r"^api(?:/v2)?(?:/.*)?$", answer), re_path(r"^two$", answer, name="answer")]
