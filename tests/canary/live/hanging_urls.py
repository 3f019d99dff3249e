"""v2's URLconf, the real views in it, none of which returns for as long as it is told."""

import functools
import time
from typing import Any

from django.http import HttpRequest, HttpResponse

from api_v2 import root_urls
from tests.canary.live.hanging_settings import HANGS_WHILE
from tests.rehearsal.arms import View, wrapped


def hanging(_: str, view: View) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        while HANGS_WHILE.exists():
            time.sleep(0.05)
        return view(request, *args, **kwargs)

    return answer


urlpatterns = [wrapped(entry, hanging) for entry in root_urls.urlpatterns]
handler400 = root_urls.handler400
handler500 = root_urls.handler500
