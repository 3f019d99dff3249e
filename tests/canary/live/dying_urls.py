"""v2's URLconf, the real views in it, which do first what the header `X-Do` says."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from api_v2 import root_urls
from tests.arms import View, wrapped
from tests.canary.live import deeds
from tests.canary.live.dying_settings import HANGS_WHILE

DEEDS: Final[Mapping[str, Callable[[], object]]] = {
    "hang": lambda: deeds.hang(HANGS_WHILE.exists),
    "exit": deeds.exit_at_once,
    "kill": deeds.kill,
    "segfault": deeds.segfault,
    "ask_in_threads": deeds.ask_in_threads,
}


def dying(_: str, view: View) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if deed := request.headers.get("X-Do"):
            DEEDS[deed]()
        return view(request, *args, **kwargs)

    return answer


urlpatterns = [wrapped(entry, dying) for entry in root_urls.urlpatterns]
handler400 = root_urls.handler400
handler500 = root_urls.handler500
