"""A question about a stage that began an hour ago, and a local server with answers that a test sets."""

import datetime
from collections.abc import Callable, Iterator

import pytest

from canary.gates.questions import Question
from tests.canary.serving import Service, serving


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        yield found


@pytest.fixture
def ask_about(now: datetime.datetime) -> Callable[..., Question]:
    """`ask_about(stage=2)`: the question about a stage that began an hour ago."""

    def make(stage: int = 1) -> Question:
        return Question(1, stage, now - datetime.timedelta(hours=1), now)

    return make
