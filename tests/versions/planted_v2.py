"""v2 with views that are wrong in ways no real view is, for the shadow reads to find."""

import json
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path, resolve

from cms.models import Tag


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


urlpatterns = [
    path("api/v2/posts/<str:name>", wrong_field),
    path("api/v2/posts/<str:name>/comments", slow),
    path("api/v2/tags", writing),
    path("api/v2/categories", raising),
    path("", include("api_v2.root_urls")),
]
