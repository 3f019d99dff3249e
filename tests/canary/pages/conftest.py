"""Worlds to look at, and people at the admin site with some of the rollout's permissions."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from canary.metrics import node as nodes
from canary.models import Rollout
from cms.models import User
from tests.canary.pages import worlds

ADDRESS = "/admin/canary/"


@pytest.fixture
def world(db: None, now: datetime.datetime) -> Callable[[str], None]:
    """`world("middle")`: one of `worlds.WORLDS`, with a day of traffic."""
    return lambda name: worlds.show(name, now)


@pytest.fixture
def quiet_world(db: None, now: datetime.datetime) -> Callable[[str], None]:
    """The same without traffic: enough for whoever changes something."""
    return lambda name: worlds.show(name, now, has_traffic=False)


@pytest.fixture
def signed_in_with(make_user: Callable[..., User]) -> Callable[..., Client]:
    """`signed_in_with("view", "ramp")`: the browser of an editor with these permissions and no others."""

    def make(*names: str, role: str = "editor") -> Client:
        user, client = make_user(role), Client()
        user.user_permissions.set(Permission.objects.filter(content_type__app_label="canary", codename__in=names))
        client.force_login(user)
        return client

    return make


@pytest.fixture
def ask_and_send() -> Callable[..., Any]:
    """`ask_and_send(client, "set", percent="25")`: asks who would move, then sends the form that came with the answer."""

    def send(
        client: Client,
        words: str,
        *,
        reason: str = "a test",
        between: Callable[[], object] | None = None,
        **options: str,
    ) -> Any:
        asked = client.get(f"{ADDRESS}do/{words}/", {"show": "1", **options})
        assert asked.status_code == 200, asked.content
        version = asked.context["form"]["expected_version"].value()
        if between is not None:
            between()
        sent = {**dict(asked.context["options"].sent), "reason": reason, "expected_version": version}
        return client.post(f"{ADDRESS}do/{words}/", sent)

    return send


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nodes.Node]:
    """Where no other process tells its numbers."""
    monkeypatch.setattr(nodes, "default_root", lambda: tmp_path / "metrics")
    nodes.own_node.cache_clear()
    yield nodes.own_node()
    nodes.own_node.cache_clear()


def rollout_now() -> Rollout:
    return Rollout.objects.get()


def plan_now() -> dict[str, Any]:
    plan: dict[str, Any] | None = rollout_now().plan
    assert plan is not None
    return plan
