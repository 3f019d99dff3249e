"""What v2 is measured against from above: a view that does nothing, at the place of v2 behind the same middleware."""

from django.http import HttpRequest, HttpResponse
from django.urls import re_path


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [re_path(r"(?s:.*)", empty)]
