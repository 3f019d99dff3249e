"""Answers that are not even answers, as a version without middleware of Django's gives them to the canary."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from canary.requests.ends import answer_of
from tests.canary.failing_urls_v1 import MALFORMED


def _malformed(malform: Callable[[HttpResponse], object]) -> HttpResponse:
    response = HttpResponse()
    malform(response)
    return response


ANSWERS: dict[str, object] = {
    "a dictionary": {"a": 1},
    "a text": "a",
    "a tuple": (HttpResponse(), 200),
    **{name: _malformed(malform) for name, malform in MALFORMED.items()},
}


def _answer_of(answer: object, *, is_candidate: bool) -> object:
    def get_response(request: HttpRequest) -> HttpResponse:
        return answer  # type: ignore[return-value]

    return answer_of(get_response, RequestFactory().get("/api/things"), is_candidate=is_candidate)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_malformed_answer_of_the_candidate_is_a_500(name: str) -> None:
    answer = _answer_of(ANSWERS[name], is_candidate=True)
    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 500


@pytest.mark.parametrize("name", ANSWERS)
def test_the_stable_versions_is_left_to_the_server(name: str) -> None:
    assert _answer_of(ANSWERS[name], is_candidate=False) is ANSWERS[name]
