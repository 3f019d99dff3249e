"""v2 with views that are wrong in ways no real view is, for the shadow reads to find."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path, resolve

from cms.models import Tag

HANG_S = 60.0
ASKED: list[str] = []
"""The paths that were asked for before the planted outage."""


def _real(request: HttpRequest) -> Any:
    match = resolve(request.path_info, "api_v2.root_urls")
    response = match.func(request, *match.args, **match.kwargs)
    return response, json.loads(response.content)


def wrong_field(request: HttpRequest, name: str) -> HttpResponse:
    response, body = _real(request)
    return JsonResponse({**body, "excerpt": "planted"}, status=response.status_code)


def writing(request: HttpRequest) -> HttpResponse:
    Tag.objects.update(description="planted")
    return JsonResponse(_real(request)[1])


def raising(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("planted")


def slow(request: HttpRequest, name: str) -> HttpResponse:
    statement = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)" if connection.vendor == "postgresql" else statement)
    return JsonResponse({})


def spin(_: HttpRequest) -> None:
    end = time.monotonic() + HANG_S
    while time.monotonic() < end:
        sum(range(1_000))


def ask_forty(_: HttpRequest) -> None:
    with connection.cursor() as cursor:
        for number in range(40):
            cursor.execute(f"SELECT {number}")


def fail(_: HttpRequest) -> None:
    raise RuntimeError("planted")


def fail_from_the_second_on(request: HttpRequest) -> None:
    ASKED.append(request.path_info)
    if len(ASKED) > 1:
        fail(request)


def send_mail(_: HttpRequest) -> None:
    EmailMessage("Hello", "text", to=["a@example.org"]).send()


EFFECTS: dict[str, Callable[[HttpRequest], HttpResponse | None]] = {
    "spin": spin,
    "forty": ask_forty,
    "fail": fail,
    "outage": fail_from_the_second_on,
    "mail": send_mail,
    "cache": lambda _: cache.set("planted", 1),
    "connect": lambda _: socket.create_connection(("127.0.0.1", 9), timeout=1).close(),
    "dawdle": lambda _: time.sleep(0.05),
    "refuse": lambda _: JsonResponse({}, status=404),
    "count": lambda request: None if hasattr(request, "is_shadow") else JsonResponse({}, status=429),
    "limit": lambda _: JsonResponse({}, status=429),
}
"""By the text of `X-Planted` what a view does before it answers; by that of `X-Planted-V1` what v1's does."""


def affected(request: HttpRequest) -> HttpResponse:
    answer: HttpResponse = (
        EFFECTS.get(request.headers.get("X-Planted", ""), lambda _: None)(request) or _real(request)[0]
    )
    return answer


def suggest_by_v1(request: HttpRequest) -> HttpResponse:
    match = resolve(request.path_info, "api_v1.root_urls")
    effect = EFFECTS.get(request.headers.get("X-Planted-V1", ""), lambda _: None)
    answer: HttpResponse = effect(request) or match.func(request, *match.args, **match.kwargs)
    return answer


urlpatterns = [
    path("api/v2/search/suggest", affected),
    path("api/search/suggest", affected),
    path("api/v2/me", affected),
    path("api/v2/posts/<str:name>", wrong_field),
    path("api/v2/posts/<str:name>/comments", slow),
    path("api/v2/tags", writing),
    path("api/v2/categories", raising),
    path("", include("api_v2.root_urls")),
]
