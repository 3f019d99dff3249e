"""v2's URLconf, none of whose views returns for as long as it is told."""

import time

from django.http import HttpRequest, HttpResponse
from django.urls import re_path, resolve

from tests.canary.live.hanging_settings import HANGS_WHILE


def answer(request: HttpRequest) -> HttpResponse:
    while HANGS_WHILE.exists():
        time.sleep(0.05)
    match = resolve(request.path_info, "api_v2.root_urls")
    answered: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answered


urlpatterns = [re_path(r"(?s:.*)", answer)]
handler500 = "api_v2.views.index.server_error"
