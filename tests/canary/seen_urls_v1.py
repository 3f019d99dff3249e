"""An arm that does as it is told: `?status=`, `?v1=` or `?v2=` by that version, `?times=` the same statement."""

from functools import partial

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path


def answer(version: int, request: HttpRequest, **_: str) -> HttpResponse:
    with connection.cursor() as cursor:
        for number in range(int(request.GET.get("times", 0))):
            cursor.execute("SELECT %s, 'said 7' WHERE 1 IN (1, 2)", [f"secret {number}"])
    status = int(request.GET.get(f"v{version}", request.GET.get("status", 200)))
    return HttpResponse(status=status, headers={"away": request.GET["away"]} if "away" in request.GET else None)


def missing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


def routes(version: int) -> list[object]:
    bases, view = (f"api/v{version}", "api"), partial(answer, version)
    return [path(f"{base}/{end}", view) for base in bases for end in ("things", "things/<str:id>", "health")]


urlpatterns = [*routes(1), path("<path:rest>", lambda request, rest: missing(request))]
