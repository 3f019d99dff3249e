"""A stored rollout and short ways to change it: by `tester`, now, against the version just read."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary import services
from canary.models import Rollout

Change = Callable[..., Rollout]
COMPARES_NOTHING = ("roll_back",)


@pytest.fixture
def change(rollout: Callable[..., None], db: None, now: datetime.datetime) -> Change:
    """`change("set_weight", weight_bp=500)`: calls a service as whoever has just read the rollout would."""

    def call(service: str, **arguments: Any) -> Rollout:
        words = {"actor": "tester", "reason": "a test", "now": now}
        if service not in COMPARES_NOTHING and "expected_version" not in arguments:
            words["expected_version"] = row().version if Rollout.objects.exists() else 0
        done: Rollout = getattr(services, service)(**{**words, **arguments})
        return done

    return call


def row() -> Rollout:
    return Rollout.objects.get(pk=1)
