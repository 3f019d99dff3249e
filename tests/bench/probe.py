"""What is found out inside a process rather than over HTTP: tables of the baseline, SQL statements, what the canary takes.

Called with one of these words, on the database of the servers; prints JSON.
"""

import itertools
import json
import re
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import django
from django.conf import settings

from tests.bench.arms import change_canary, install_tokens, take_place

CREATED: Final = 40
# What a statement of a create is for, by the first table that it names.
PURPOSES: Final = {
    "revision": r"cms_postrevision",
    "audit": r"cms_auditevent",
    "webhooks and jobs": r"cms_webhook|cms_delivery|cms_outbox|cms_job",
    "search index": r"cms_searchdocument",
    "who asks": r"cms_authsession|cms_user|cms_apikey|authtoken_token",
    "tags and categories": r"cms_tag|cms_category|cms_post_tags|cms_post_categories",
    "post": r"cms_post",
}
CANARY_LOOPS: Final = (
    200,
    60,
)  # short ones, so that some fit between two interruptions; what is recorded fits its queue


def main(word: str) -> None:
    install_tokens()
    django.setup()
    print(
        json.dumps(
            {"tables": _tables, "statements": _statements, "create": _create_costs_ms, "canary": _canary_us}[word]()
        )
    )


def _tables() -> None:
    from django.core.management import call_command  # noqa: PLC0415 - nothing of Django's before it is set up

    call_command("migrate", "authtoken", verbosity=0)


# -- the statements ---------------------------------------------------------------------------------------------------


def _statements() -> list[tuple[str, str, float]]:
    """Of an answer of each endpoint: endpoint, side, number."""
    from tests.bench.requests_of import calls_of  # noqa: PLC0415
    from tests.bench.targets import side_of  # noqa: PLC0415

    samples = _samples()
    canary: Any = settings.CANARY
    cache_mb = settings.PUBLIC_CACHE_MB
    counts: list[tuple[str, str, float]] = []
    for name, cache in (("v1", "none"), ("v2", "warm"), ("v2", "cold"), ("drf", "none"), ("empty", "none")):
        settings.PUBLIC_CACHE_MB = 0 if cache == "cold" else cache_mb
        change_canary(**canary)
        if name in ("drf", "empty"):
            take_place(name)
        for endpoint, calls in calls_of(name, cache, samples, _sign_in(name)).items():
            counts.append((endpoint, side_of(name, cache, endpoint), _count(endpoint, calls)))
    return counts


def _samples() -> Any:
    from django.utils import timezone  # noqa: PLC0415

    from cms.models import Post  # noqa: PLC0415
    from tests.bench.requests_of import Samples, own_posts  # noqa: PLC0415

    posts = Post.objects.public(timezone.now()).posts().order_by("-created_at")[:100]
    titles = {str(post.pk): post.title for post in posts}
    return Samples(titles, [_ask(call).json()["data"]["id"] for call in own_posts(_sign_in("v1"))])


def _sign_in(name: str) -> str:
    from tests.bench.requests_of import WORDS, login_call  # noqa: PLC0415

    return "" if name == "empty" else WORDS[name].token(_ask(login_call(name)).json())


@lru_cache(maxsize=1)
def _client(arms: str) -> Any:
    """A new one after the arms have changed: the middleware reads them once."""
    from django.test import Client  # noqa: PLC0415

    return Client(headers={"host": "localhost"})


def _ask(call: Any) -> Any:
    client, headers = _client(str(settings.CANARY["ARMS"])), call.headers
    content = "" if call.body is None else json.dumps(call.body)
    answer = client.generic(call.method, call.path, content, content_type="application/json", headers=headers)
    if not 200 <= answer.status_code < 300:
        sys.exit(f"{call.path}: {answer.status_code} {answer.content[:300]!r}")
    return answer


def _count(endpoint: str, calls: Any) -> float:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    # Ten of the mixed ones are one round of nine reads and a create. What is read was read before.
    counted = 10 if endpoint == "mixed" else 1
    in_turn = [*itertools.islice(itertools.cycle([calls[0]]) if isinstance(calls, Sequence) else calls, 2 * counted)]
    for call in in_turn[:counted]:
        _ask(call)
    with CaptureQueriesContext(connection) as queries:
        for call in in_turn[counted:]:
            _ask(call)
    return len(queries) / counted


# -- what a create pays for -------------------------------------------------------------------------------------------


def _create_costs_ms() -> dict[str, dict[str, float]]:
    """By server: the whole answer within this process, and of it the time of its statements by what they are for; medians."""
    from django.db import connection  # noqa: PLC0415

    from tests.bench.requests_of import calls_of  # noqa: PLC0415

    samples, costs = _samples(), {}
    for name in ("v1", "v2", "drf"):
        if name == "drf":
            take_place(name)
        calls = iter(calls_of(name, "none", samples, _sign_in(name))["create"])
        each: list[dict[str, float]] = []
        for call in itertools.islice(calls, CREATED):
            spent = dict.fromkeys((*PURPOSES, "other statements"), 0.0)
            began = time.perf_counter()
            with connection.execute_wrapper(_Stopwatch(spent)):
                _ask(call)
            each.append({"whole": (time.perf_counter() - began) * 1_000} | spent)
        costs[name] = {key: statistics.median(one[key] for one in each[CREATED // 4 :]) for key in each[0]}
    return costs


class _Stopwatch:
    def __init__(self, spent_ms: dict[str, float]) -> None:
        self._spent_ms = spent_ms

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            self._spent_ms[_purpose_of(sql)] += (time.perf_counter() - began) * 1_000


def _purpose_of(sql: str) -> str:
    table = re.search(r"(?:FROM|INTO|UPDATE)\s+\"?(\w+)", sql)
    for purpose, tables in PURPOSES.items() if table else ():
        if re.fullmatch(tables, table[1]):  # type: ignore[index]
            return purpose
    return "other statements"


# -- the canary -------------------------------------------------------------------------------------------------------


def _canary_us() -> dict[str, float]:
    """What the middleware takes of a request in microseconds: on the entrance, where it decides, and on v2's own paths.

    Beside an empty middleware in the same loop, as the best of some turns: what else the machine does is not its cost.
    """
    from django.http import HttpResponse  # noqa: PLC0415
    from django.test import RequestFactory  # noqa: PLC0415

    from canary.middleware import CanaryMiddleware  # noqa: PLC0415

    change_canary(WEIGHT_BP=5_000)
    number, turns = CANARY_LOOPS
    response, costs = HttpResponse(), {}
    for name, path in (("entrance", "/api/posts"), ("pinned", "/api/v2/posts")):
        request = RequestFactory().get(path, headers={"x-client-id": "c1", "host": "localhost"})
        spent = [
            min(timeit.repeat(lambda f=f, asked=request: f(asked), number=number, repeat=turns)) / number * 1e6  # type: ignore[misc]
            for f in (CanaryMiddleware(lambda _: response), lambda _: response)
        ]
        costs[name] = spent[0] - spent[1]
    return costs


if __name__ == "__main__":
    main(sys.argv[1])
