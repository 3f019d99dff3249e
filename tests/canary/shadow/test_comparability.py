"""Pairs of which one answer can't be had or read in a repeat: they speak against neither version."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import path

from canary.core.values import CANDIDATE, STABLE, Decision, Snapshot
from canary.shadow.asking import STREAM_MAX, Read
from canary.shadow.offering import read_of
from canary.shadow.reading import Outcome, read_both
from canary.shadow.refusals import RefusedRead, prepare_refusal
from canary.successors import answer, route, shape

THINGS = {"things": [1, 2]}


def sync(_: HttpRequest) -> HttpResponse:
    return JsonResponse(THINGS)


async def made_async(_: HttpRequest) -> HttpResponse:
    return JsonResponse(THINGS)


def failing(_: HttpRequest) -> HttpResponse:
    raise KeyError("planted")


async def _parts() -> AsyncIterator[bytes]:
    yield json.dumps(THINGS).encode()


def streamed_async(_: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_parts())


def streamed_async_as_created(_: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_parts(), status=201)


def streamed_at_length(_: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([json.dumps(THINGS), " " * STREAM_MAX])


class RenderedAsync(TemplateResponse):
    async def render(self) -> HttpResponse:  # type: ignore[override]
        return JsonResponse(THINGS)


def rendered_async(request: HttpRequest) -> HttpResponse:
    return RenderedAsync(request, "no-template.html")


ROUTES_OF: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "async in v2": (sync, made_async),
    "async in v1": (made_async, sync),
    "async in both": (made_async, made_async),
    "async in v2 where v1 fails": (failing, made_async),
    "rendered by a coroutine": (sync, rendered_async),
}
"""By what a pair is, the views of v1 and of v2."""
UNREAD: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "async stream in v2": (sync, streamed_async),
    "async stream in v1": (streamed_async, sync),
    "long stream in v2": (sync, streamed_at_length),
    "async stream where v1 fails": (failing, streamed_async),
    "async stream of another status": (sync, streamed_async_as_created),
}
"""Pairs in which everything but one body is read."""
ALL = {**ROUTES_OF, **UNREAD, "sync": (sync, sync)}


def _address(name: str) -> str:
    return f"/{name.replace(' ', '-')}"


urlpatterns = [
    path(f"api/v{version}{_address(name)}", views[version - 1])
    for name, views in ALL.items()
    for version in (STABLE, CANDIDATE)
]
ROUTES = tuple(route(f"GET {_address(name)}", f"GET {_address(name)}", answers=[answer("things")]) for name in ALL)
SHAPES: dict[str, Any] = {"things": shape("things")}


@pytest.fixture(autouse=True)
def two_versions(transactional_db: None, rollout: Callable[..., None]) -> None:
    rollout(ARMS={1: __name__, 2: __name__}, SUCCESSORS=__name__)


def _read(name: str) -> Read:
    request, nothing = RequestFactory().get(f"/api/v1{_address(name)}"), Snapshot(version=0, weight_bp=0, salt="s")
    return read_of(request, Decision(STABLE, "pinned"), nothing)


@pytest.mark.parametrize("is_v2_first", [False, True])
@pytest.mark.parametrize("name", ROUTES_OF)
def test_a_pair_with_an_async_view_speaks_against_nobody(name: str, is_v2_first: bool) -> None:
    found = read_both(_read(name), 60.0, is_v2_first=is_v2_first)
    assert (found.result, found.differences, found.votes, found.error) == ("unmapped", (), (), None)
    assert read_both(_read("sync"), 60.0, is_v2_first=is_v2_first).result == "equal"


@pytest.mark.parametrize("is_v2_first", [False, True])
@pytest.mark.parametrize(
    ("name", "result", "against"),
    [
        ("async stream in v2", "unmapped", []),
        ("async stream in v1", "unmapped", []),
        ("long stream in v2", "unmapped", []),
        ("async stream where v1 fails", "failed", [("pair_error", STABLE)]),
        ("async stream of another status", "different", []),
    ],
)
def test_a_body_that_is_not_read_is_not_compared(
    name: str, result: str, against: list[tuple[str, int]], is_v2_first: bool
) -> None:
    """Its members were missing, which held the step. Errors and statuses are known without it."""
    found = read_both(_read(name), 60.0, is_v2_first=is_v2_first)
    assert (found.result, [(vote.metric, vote.api_version) for vote in found.votes]) == (result, against)
    assert {difference.kind for difference in found.differences} <= {"status"}


@pytest.mark.parametrize("name", ["async in v2", "async in v1", "rendered by a coroutine"])
def test_a_refusal_that_an_async_view_would_have_to_repeat_is_not_wrong(name: str) -> None:
    assert _refused(name).result == "unmapped"
    assert _refused("sync").result == "refused_once"


def _refused(name: str) -> Outcome:
    read = replace(
        _read(name), path=f"/api{_address(name)}", api_version=CANDIDATE, refusal=422, template=f"api{_address(name)}"
    )
    prepared = prepare_refusal(read)
    assert isinstance(prepared, RefusedRead)
    return prepared.run(60.0)
