"""A repeated read gets the answer that a client would get, also from a view that Django renders afterwards."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response

from canary.core.values import STABLE, Decision, Snapshot
from canary.shadow.asking import ask
from canary.shadow.offering import read_of
from canary.shadow.snapshots import Guard


@api_view(["GET"])
def things(request: HttpRequest) -> Response:
    return Response({"things": [1, 2]})


urlpatterns = [path("api/v1/things", things)]


@pytest.mark.django_db
def test_a_response_of_rest_framework_is_rendered(rollout: Any) -> None:
    rollout(ARMS={1: __name__, 2: "tests.canary.arm_urls_v2"})
    read = read_of(
        RequestFactory().get("/api/v1/things"), Decision(STABLE, "pinned"), Snapshot(version=0, weight_bp=0, salt="s")
    )
    answer = ask(read, STABLE, "/things", "", Guard(float("inf")))
    assert (answer.status, answer.body, answer.error) == (200, {"things": [1, 2]}, None)
