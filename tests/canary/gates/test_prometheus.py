"""A gate that compares two expressions, with a real Prometheus that reads a real page of metrics."""

from collections.abc import Callable, Iterator

import pytest

from canary.core.gates import gates_of
from canary.gates.prometheus import ask_prometheus
from canary.gates.questions import GateFault, Question
from tests.canary.prometheus import reading
from tests.servers import HOST

METRICS = b"""\
refunds_total{version="1"} 4
refunds_total{version="2"} 6
quiet_total{version="1"} 0
broken{version="2"} NaN
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that has read the page."""
    with reading(tmp_path_factory.mktemp("prometheus")) as found:
        found.publish(METRICS, "sum(last_over_time(refunds_total[1h]))", "10")
        yield found.url


@pytest.mark.parametrize(
    ("limits", "verdict", "sentence"),
    [
        ({"limit": 1.5}, "pass", "6 on v2, 4 on v1, limit 1.5"),
        ({"limit": 1.2, "harm": 2}, "hold", "6 on v2, 4 on v1, limit 1.2"),
        ({"limit": 1.2, "harm": 1.4}, "harm", "6 on v2, 4 on v1, harm above 1.4"),
    ],
)
def test_the_candidates_share_of_stables_number_decides(
    prometheus: str, ask_about: Callable[[], Question], limits: dict[str, float], verdict: str, sentence: str
) -> None:
    expressions = {
        name: f'last_over_time(refunds_total{{version="{n}"}}[$window])'
        for n, name in ((1, "stable"), (2, "candidate"))
    }
    more = {"headers": {"X-Scope-OrgID": "shop"}, **limits}
    [gate] = gates_of([{"name": "refunds", "prometheus": f"{prometheus}/", **expressions, **more}])
    result = ask_prometheus(gate, ask_about())
    assert (result.verdict, result.number, result.sentence) == (verdict, 1.5, sentence)


def test_one_expression_is_a_number_of_its_own_over_the_time_of_the_stage(
    prometheus: str, ask_about: Callable[[], Question]
) -> None:
    expression = 'sum(max_over_time(refunds_total{version="2"}[$window])) + scalar(vector(1))'
    [gate] = gates_of([{"name": "refunds", "prometheus": prometheus, "candidate": expression, "limit": 10}])
    result = ask_prometheus(gate, ask_about())
    assert (result.verdict, result.number, result.sentence) == ("pass", 7.0, "7 on v2, limit 10")


@pytest.mark.parametrize(
    ("candidate", "stable", "said"),
    [
        ("missing_total", "refunds_total", "the candidate expression has no single value"),
        ("refunds_total", None, "the candidate expression has no single value"),
        ("last_over_time(broken[1h])", None, "the candidate expression is nan"),
        ("scalar(last_over_time(broken[1h]))", None, "the candidate expression is nan"),
        ("sum(", None, "the answer is 400"),
        (
            "scalar(sum(last_over_time(refunds_total[1h])))",
            "last_over_time(quiet_total[1h])",
            "v1 has 0, so there is no ratio",
        ),
    ],
)
def test_no_number_is_a_fault(
    prometheus: str, ask_about: Callable[[], Question], candidate: str, stable: str | None, said: str
) -> None:
    options = {"candidate": candidate, "limit": 1} | ({"stable": stable} if stable else {})
    [gate] = gates_of([{"name": "refunds", "prometheus": prometheus, **options}])
    with pytest.raises(GateFault, match=said):
        ask_prometheus(gate, ask_about())


def test_a_prometheus_that_is_away_is_a_fault(ask_about: Callable[[], Question]) -> None:
    [gate] = gates_of([{"name": "a", "prometheus": f"http://{HOST}:1", "candidate": "up", "limit": 1}])
    with pytest.raises(GateFault, match="no answer"):
        ask_prometheus(gate, ask_about())
