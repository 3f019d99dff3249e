"""A tiny arm for the dispatcher's tests: answers with its version and the path it saw."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import re_path, reverse


def answer(request: HttpRequest, **_: str) -> HttpResponse:
    if request.GET.get("fail"):
        raise RuntimeError("planted")
    response = JsonResponse({"arm": 1, "reversed": reverse("answer")})
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Vary"] = "Accept, Cookie"
    return response


urlpatterns = [re_path(r"^api(?:/v1)?(?:/.*)?$", answer), re_path(r"^one$", answer, name="answer")]
