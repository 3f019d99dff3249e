"""A gate that is an HTTP service, asked over a real connection."""

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from canary.core.gates import GateResult, gates_of
from canary.gates.over_http import ask_over_http
from canary.gates.questions import GateFault, Question
from tests.canary.serving import Service

SECRET = "hunter2"


def ask(service: Service, question: Question, path: str = "/check?shop=1") -> GateResult:
    [gate] = gates_of([{"name": "orders", "http": f"{service.url}{path}", "headers": {"Authorization": SECRET}}])
    return ask_over_http(gate, question)


@pytest.mark.parametrize("verdict", ["pass", "hold", "harm"])
def test_the_service_decides_with_a_number_and_a_sentence(
    service: Service, ask_about: Callable[[], Question], verdict: str
) -> None:
    said = {"verdict": verdict, "number": 0.8, "sentence": "Fewer orders."}
    service.answer = (200, json.dumps(said).encode())
    question = ask_about()
    assert ask(service, question) == GateResult(**said)
    [(path, headers, _)] = service.asked
    asked = {name: value for name, [value] in parse_qs(urlsplit(path).query).items()}
    assert asked == {"shop": "1", "candidate": "2", "stable": "1", "since": question.since.isoformat()}
    assert headers["Authorization"] == SECRET


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((503, b"{}"), "the answer is 503"),
        ((200, b"<html>"), "the answer is not JSON"),
        ((200, b"[]"), "the answer is not a JSON object"),
        ((200, b"{}"), "'' is not a verdict of a gate"),
        ((200, b'{"verdict": "harm", "number": "7", "sentence": "x"}'), "'7' is not the number of a gate"),
        ((200, b'{"verdict": "harm", "number": NaN, "sentence": "x"}'), "nan is not the number of a gate"),
        ((200, b" " * 1_000_001), "the answer is too long"),
    ],
)
def test_an_answer_that_is_none_is_a_fault(
    service: Service, ask_about: Callable[[], Question], answer: tuple[int, bytes], said: str
) -> None:
    service.answer = answer
    with pytest.raises(GateFault, match=re.escape(said)):
        ask(service, ask_about())


@pytest.mark.parametrize("url", [f"http://user:{SECRET}@127.0.0.1:1/", f"http://[{SECRET}"])
def test_a_service_that_can_not_be_reached_is_a_fault_without_its_address(
    ask_about: Callable[[], Question], url: str
) -> None:
    [gate] = gates_of([{"name": "orders", "http": url}])
    with pytest.raises(GateFault, match="no answer") as fault:
        ask_over_http(gate, ask_about())
    assert SECRET not in str(fault.value)


def test_a_compressed_answer_is_not_unpacked(service: Service, ask_about: Callable[[], Question]) -> None:
    """A kilobyte, packed twice, can become gigabytes."""
    service.answer = (200, gzip.compress(gzip.compress(b" " * 1_000_000)))
    service.headers = {"Content-Encoding": "gzip, gzip"}
    with pytest.raises(GateFault, match="the answer is compressed"):
        ask(service, ask_about())
    [(_, headers, _)] = service.asked
    assert headers["Accept-Encoding"] == "identity"


def test_an_answer_that_drips_ends_with_the_time_of_the_gate(
    service: Service, ask_about: Callable[[], Question]
) -> None:
    service.answer, service.drips = (200, b" " * 1_000), True
    [gate] = gates_of([{"name": "orders", "http": service.url}])
    with pytest.raises(GateFault, match=re.escape("no answer within 0.3 s")):
        ask_over_http(replace(gate, timeout_s=0.3), ask_about())
