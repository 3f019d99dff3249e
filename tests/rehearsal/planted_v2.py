"""v2's URLconf, the real views in it, each of them with whatever fault the rehearsal has planted at the moment."""

import functools
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from django.http import HttpRequest, HttpResponse

from api_v2 import root_urls
from cms.models import Post
from tests.arms import View, took_v1_s, wrapped
from tests.canary.live import deeds
from tests.rehearsal.faults import ERROR_SHARE, SLOW_SQL_S, SLOWER_BY, Fault
from tests.rehearsal.settings import FAULT_PATH


def fail() -> NoReturn:
    raise RuntimeError("planted by the rehearsal")


BREAKING: Final[Mapping[str, Callable[[], object]]] = {
    Fault.HANG: lambda: deeds.hang(lambda: FAULT_PATH.read_text() == Fault.HANG),
    Fault.CRASH: deeds.kill,
    Fault.SLOW_SQL: lambda: deeds.wait_for_sql(SLOW_SQL_S),
    Fault.FAILURE: fail,
    Fault.ERRORS: lambda: random.random() < ERROR_SHARE and fail(),
}
"""What a view does before it answers."""
LIST: Final = "posts"
DETAIL: Final = "posts/{}"


def planted(shape: str, view: View) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        fault, began = FAULT_PATH.read_text(), time.perf_counter()
        if fault in BREAKING:
            BREAKING[fault]()
        response = view(request, *args, **kwargs)
        if fault == Fault.LATENCY:
            _wait(shape, began)
        elif fault == Fault.N_PLUS_ONE and shape == LIST and request.method == "GET":
            _ask_for_each_row(response)
        elif fault == Fault.WRONG_FIELD and shape == DETAIL and request.method == "GET":
            _falsify(response)
        return response

    return answer


def _wait(shape: str, began: float) -> None:
    """Until it took half as long again as one of v1's latest answers on this route."""
    if known := took_v1_s[shape]:
        time.sleep(max(0.0, random.choice(known) * (1 + SLOWER_BY) - (time.perf_counter() - began)))


def _ask_for_each_row(response: HttpResponse) -> None:
    for row in json.loads(response.content)["data"]:
        Post.objects.filter(pk=row["id"]).values_list("author_id").first()


def _falsify(response: HttpResponse) -> None:
    response.content = json.dumps({**json.loads(response.content), "excerpt": "planted"}).encode()
    response.headers["Content-Length"] = str(len(response.content))


urlpatterns = [wrapped(entry, planted) for entry in root_urls.urlpatterns]
handler400 = root_urls.handler400
handler500 = root_urls.handler500
