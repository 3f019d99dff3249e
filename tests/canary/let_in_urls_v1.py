"""An arm that lets people in by their credentials; `?status=` is what it answers. On v2 orders are broken."""

from typing import ClassVar

from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.views import APIView


class Told(APIView):
    scopes: ClassVar = {"GET": "posts:read", "POST": "posts:write"}
    status = 200

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(status=int(request.query_params.get("status", self.status)))

    post = get


def routes(orders_status: int, notes_status: int = 201, entries_status: int = 201) -> list[object]:
    return [
        path("api/things", Told.as_view()),
        path("api/orders", Told.as_view(status=orders_status)),
        path("api/notes", Told.as_view(status=notes_status)),
        path("api/login", Told.as_view(status=302)),
        path("api/entries", Told.as_view(status=entries_status)),
        path("api/before-anybody-is-asked", lambda request: HttpResponse(status=500)),
        path("<path:rest>", lambda request, rest: HttpResponse(status=404)),
    ]


urlpatterns = routes(200)
