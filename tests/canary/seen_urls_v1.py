"""An arm that does as it is told: `?status=`, and `?times=` the same statement with another value."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path


def answer(request: HttpRequest, **_: str) -> HttpResponse:
    with connection.cursor() as cursor:
        for number in range(int(request.GET.get("times", 0))):
            cursor.execute("SELECT %s, 'said 7' WHERE 1 IN (1, 2)", [f"secret {number}"])
    return HttpResponse(status=int(request.GET.get("status", 200)))


def missing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


def routes(version: int) -> list[object]:
    bases = (f"api/v{version}", "api")
    return [path(f"{base}/{end}", answer) for base in bases for end in ("things", "things/<str:id>", "health")]


urlpatterns = [*routes(1), path("<path:rest>", lambda request, rest: missing(request))]
