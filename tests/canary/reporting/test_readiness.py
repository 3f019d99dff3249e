"""What the checklist of a deployment is told of the versions."""

import datetime
from collections.abc import Callable

import pytest

from canary.reporting.readiness import versions_answer

ANSWERING = {1: "tests.canary.arm_urls_v1", 2: "tests.canary.arm_urls_v2"}
WITHOUT_THE_PATH = {1: "tests.canary.seen_urls_v1", 2: "tests.canary.seen_urls_v2"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("failing", "told"),
    [
        (set(), "v1: 200, v2: 200"),
        ({1}, "v1: 404 in place of 200, v2: 200"),
        ({2}, "v1: 200, v2: 404 in place of 200"),
    ],
)
def test_one_version_that_does_not_answer_is_a_failure_whichever_it_is(
    rollout: Callable[..., None], now: datetime.datetime, failing: set[int], told: str
) -> None:
    arms = {version: (WITHOUT_THE_PATH if version in failing else ANSWERING)[version] for version in ANSWERING}
    rollout(0, ARMS=arms, PROBE="/anything")
    assert versions_answer(now, {}) == (not failing, f"{told} in this process.")
