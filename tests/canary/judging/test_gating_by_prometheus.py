"""A plan whose gate asks a real Prometheus: it holds the plan, then finds harm and rolls the release back."""

from collections.abc import Callable, Iterator

import pytest

from canary.gates import asking
from canary.judging.controller import Controller
from canary.models import RolloutEvent
from tests.canary.judging.conftest import Change, Clock, plan_state, row
from tests.canary.judging.crowd import arrive
from tests.canary.prometheus import Prometheus, reading

MIN_S = 60
SHARE = (
    'last_over_time(refunds_total{version="2"}[1h]) / ignoring(version) last_over_time(refunds_total{version="1"}[1h])'
)
OF_VERSION = 'last_over_time(refunds_total{version="%d"}[$window])'


@pytest.fixture
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with reading(tmp_path_factory.mktemp("prometheus")) as found:
        yield found


def show(prometheus: Prometheus, on_stable: int, on_candidate: int) -> None:
    page = f'refunds_total{{version="1"}} {on_stable}\nrefunds_total{{version="2"}} {on_candidate}\n'
    prometheus.publish(page.encode(), SHARE, f"{on_candidate / on_stable:g}")


def test_too_many_refunds_hold_the_step_and_more_roll_it_back(
    prometheus: Prometheus,
    rollout: Callable[..., None],
    change: Change,
    controller: Controller,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "EVERY_S", 0.0)
    gate = {"name": "refunds", "prometheus": prometheus.url, "limit": 1.2, "harm": 2}
    rollout(GATES=[{**gate, "stable": OF_VERSION % 1, "candidate": OF_VERSION % 2}])
    change("start_plan", steps_bp=[1_000, 5_000, 10_000], min_s=MIN_S, is_fresh_cohort=False)
    arrive(range(2_500))
    clock.pass_s(MIN_S + 1)

    def judge() -> str:
        """Take a turn after the one that asks the gate, and return what the controller has done last."""
        for _ in range(2):
            controller.gates.wait()
            assert controller.lead()
            controller.turn()
        controller.gates.wait()
        return str(RolloutEvent.objects.latest("version").reason)

    show(prometheus, 4, 6)
    assert judge() == "Hold at 10 %: gate refunds holds at 1.5: 6 on v2, 4 on v1, limit 1.2."
    assert (row().weight_bp, plan_state()) == (1_000, "held")
    show(prometheus, 4, 4)
    assert "Gates: gate refunds passes at 1: 4 on v2, 4 on v1, limit 1.2." in judge()
    assert (row().weight_bp, plan_state()) == (5_000, "running")
    show(prometheus, 4, 12)
    assert judge() == "Harm at 50 %: gate refunds finds harm at 3: 12 on v2, 4 on v1, harm above 2."
    assert (row().weight_bp, row().latched) == (0, True)
