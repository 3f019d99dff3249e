"""A rollout between two tiny arms, at any weight."""

import datetime
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpRequest
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.models import MetricBucket, SeenIdentity
from cms.models import User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key


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


@pytest.fixture
def run_canary() -> Callable[..., str]:
    """`run_canary("set", "5", "--reason", "…")`: what the command prints; a refusal is a CommandError."""

    def run(*arguments: str) -> str:
        printed = StringIO()
        call_command("canary", *arguments, stdout=printed)
        return printed.getvalue()

    return run


@pytest.fixture
def few_people(now: datetime.datetime) -> None:
    """Two weeks of a site that 400 people use, all of them every day."""
    MetricBucket.objects.create(
        start_at=now - datetime.timedelta(days=14),
        worker="1h",
        release=1,
        stage=0,
        weight_bp=0,
        api_version=1,
        route="GET /posts",
        judged=True,
        requests=9,
    )
    SeenIdentity.objects.bulk_create(
        SeenIdentity(kind="user", identifier=str(n), last_seen_at=now - datetime.timedelta(minutes=n))
        for n in range(400)
    )


@pytest.fixture
def make_key(db: None) -> Callable[..., tuple[str, str]]:
    """`make_key(user, "rollout:read")`: the prefix of a new API key, and the key."""

    def make(owner: User, *scopes: str) -> tuple[str, str]:
        fields: Any = {"name": "for a test", "scopes": scopes}
        issued = create_api_key(actor=SYSTEM, owner=owner, fields=fields, now=timezone.now())
        return issued.api_key.prefix, issued.raw_key

    return make
