"""Real content for all tests of a module, and versions with faults planted."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.models import Observation, Rollout, RolloutEvent, ShadowDifference, ShadowTotal
from canary.shadow.offering import READER, ShadowReader
from canary.state import store
from cms.models import Comment, Post
from cms.policy import SYSTEM
from cms.seeding.demo import seed_demo
from cms.services.api_keys import create_api_key
from cms.services.sessions import open_session
from cms.services.users import create_user
from tests.canary.seeing import fresh_recorder, weight
from tests.versions.shadow.asking import Content, drain


@pytest.fixture(scope="module")
def content(django_db_setup: None, django_db_blocker: Any) -> Iterator[Content]:
    now = timezone.now()
    with django_db_blocker.unblock():
        seed_demo(password=None, now=now)
        admin, author = (
            create_user(
                actor=SYSTEM,
                fields={"username": f"the_{role}", "email": f"{role}@example.org", "role": role},
                password=None,
                now=now,
            )
            for role in ("admin", "author")
        )
        create_api_key(actor=admin, owner=admin, fields={"name": "K", "scopes": ["posts:read"]}, now=now)
        key = create_api_key(actor=author, owner=author, fields={"name": "K", "scopes": ["posts:read"]}, now=now)
        post = Comment.objects.filter(status="published", post__in=Post.objects.public(now)).order_by("pk")[0].post_id
        draft = Post.objects.filter(status="draft", kind="post").order_by("pk")[0].pk
        tokens = [f"Bearer {open_session(user=user, now=now).access_token}" for user in (admin, author)]
        yield Content(admin, tokens[0], author, tokens[1], key.raw_key, f"/posts/{post}", f"/posts/{draft}")
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _django_db_marker(content: Content, django_db_blocker: Any) -> Iterator[None]:
    """In the place of pytest-django's own: no transaction around a test, for a snapshot begins one itself."""
    with django_db_blocker.unblock():
        yield
        ShadowTotal.objects.all().delete()
        ShadowDifference.objects.all().delete()


@pytest.fixture
def planted(settings: Settings) -> None:
    """v2 is wrong as `planted_v2` says."""
    settings.CANARY = {**settings.CANARY, "ARMS": {**settings.CANARY["ARMS"], 2: "tests.versions.planted_v2"}}


@pytest.fixture
def both_planted(settings: Settings) -> None:
    settings.CANARY = {**settings.CANARY, "ARMS": {1: "tests.versions.planted_v1", 2: "tests.versions.planted_v2"}}


@pytest.fixture
def reader(settings: Settings) -> Iterator[ShadowReader]:
    """As in a server process, but for the thread: the tests take its turns. All reads are taken, and all of a core."""
    settings.CANARY = {**settings.CANARY, "SHADOW_BP": 10_000, "SHADOW_CPU_BP": 10_000}
    READER.is_open = True
    yield READER
    drain(READER)
    READER.is_open = False
    READER.tally.flush()


@pytest.fixture
def stored(settings: Settings) -> Iterator[None]:
    """A rollout at 0 % without a warm-up, and its recorder."""
    settings.CANARY = {**settings.CANARY, "WARM_UP_S": 0}
    with fresh_recorder():
        weight(0)
        yield
    Observation.objects.all().delete()
    RolloutEvent.objects.all().delete()
    Rollout.objects.all().delete()
    store.forget()
