"""A rollout between two tiny arms, at any weight."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest
from pytest_django.fixtures import Settings


def no_credential(request: HttpRequest) -> None:
    return None


@pytest.fixture
def rollout(settings: Settings) -> Callable[..., None]:
    """`rollout(weight_bp=5000)`: what the environment would say."""

    def configure(weight_bp: int | None = 0, **changes: Any) -> None:
        settings.CANARY = {
            "ENTRANCE": "/api",
            "ARMS": {1: "tests.canary.arm_urls_v1", 2: "tests.canary.arm_urls_v2"},
            "WEIGHT_BP": weight_bp,
            "IS_V1_ENABLED": True,
            "IS_V2_ENABLED": True,
            "IDENTIFY": "tests.canary.conftest.no_credential",
            **changes,
        }

    configure()
    return configure
