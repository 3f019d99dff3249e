"""v1's URLconf as it is, except that it takes the time of its answers, by which v2 is planted to be slower."""

import functools
import time
from typing import Any

from django.http import HttpRequest, HttpResponse

from api_v1 import root_urls
from tests.arms import View, took_v1_s, wrapped


def timed(shape: str, view: View) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        began = time.perf_counter()
        response = view(request, *args, **kwargs)
        took_v1_s[shape].append(time.perf_counter() - began)
        return response

    return answer


urlpatterns = [wrapped(entry, timed) for entry in root_urls.urlpatterns]
handler400 = root_urls.handler400
handler500 = root_urls.handler500
