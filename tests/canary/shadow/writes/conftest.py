"""A site with writes, and a database whose rows other connections see."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from canary.shadow.writes.replaying import replay_writes
from cms.models import Tag
from tests.canary.shadow.writes import site

SITE = "tests.canary.shadow.writes"


@pytest.fixture
def writing(
    rollout: Callable[..., None], transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """`writing(ROWS_MAX=3)`: a rollout between two versions that write, with these settings."""

    def configure(**changes: Any) -> None:
        arms = {1: f"{SITE}.urls_v1", 2: f"{SITE}.urls_v2"}
        rollout(
            ARMS=arms,
            SUCCESSORS=f"{SITE}.site",
            SHADOW_WRITES={"ROWS": f"{SITE}.site.rows", "TIMEOUT_S": 10, **changes},
        )

    monkeypatch.setattr(site, "FOLDER", tmp_path)
    site.DONE.clear()
    configure()
    Group.objects.create(name="known")
    Tag.objects.create(name="old", name_key="old", slug="old", description="as it was", usage_count=1)
    return configure


@pytest.fixture
def played(writing: Callable[..., None]) -> Callable[..., list[dict[str, Any]]]:
    """`played({…}, {…})`: what becomes of these writes."""

    def play(*writes: dict[str, Any]) -> list[dict[str, Any]]:
        lines = [json.dumps({"method": "POST", "path": "/api/v1/things", **one}) for one in writes]
        found: list[dict[str, Any]] = replay_writes(lines, timezone.now())["writes"]
        return found

    return play
