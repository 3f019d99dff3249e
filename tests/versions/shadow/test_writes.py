"""Writes of v1, run by both versions on copies of all tables: v2 stores the same, except the version in the audit trail."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.shadow.writes.replaying import replay_writes
from cms.models import (
    ApiKey,
    AuditEvent,
    AuthSession,
    Category,
    Delivery,
    Job,
    Post,
    PostRevision,
    Redirect,
    SearchDocument,
    Tag,
    User,
    Webhook,
)
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.categories import create_category
from cms.services.posts import create_post
from cms.services.sessions import open_session
from cms.services.users import create_user

pytestmark = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="the search index of SQLite is virtual tables, which can't be copied"
)
KNOWN = [{"path": "cms_auditevent.api_version", "kind": "value", "v1": "(number)", "v2": "(number)"}]
TABLES = (
    *(User, AuthSession, ApiKey, Post, PostRevision, Tag, Category, Redirect, SearchDocument),
    *(AuditEvent, Webhook, Delivery, Job),
)
NEW = {"title": "A title", "content": "Some *text*", "tags": ["Light", "dark"], "category": "essays"}


def rows(call: Any) -> Iterator[Any]:
    """All rows of these tables: there are few."""
    for model in TABLES:
        yield model._base_manager.all()
    yield Post.tags.through.objects.all()
    yield Post.categories.through.objects.all()


@pytest.fixture(autouse=True)
def _django_db_marker(transactional_db: None) -> None:
    """Its own content, and no transaction around a test."""


@pytest.fixture
def admin(settings: Settings) -> User:
    settings.REDIS_URL = ""  # limits are counted in this process, by no thread
    settings.CANARY = {
        **settings.CANARY,
        "SHADOW_WRITES": {"ROWS": f"{__name__}.rows", "TIMEOUT_S": 30, "ROWS_MAX": 5_000},
    }
    fields = {"username": "the_admin", "email": "admin@example.org", "role": "admin"}
    admin = create_user(actor=SYSTEM, fields=fields, password=None, now=timezone.now())
    create_category(actor=admin, fields={"name": "Essays", "slug": "essays"}, now=timezone.now())
    return admin


@pytest.fixture
def played(admin: User) -> Callable[..., dict[str, Any]]:
    token = open_session(user=admin, now=timezone.now()).access_token

    def play(method: str, path: str, **body: Any) -> dict[str, Any]:
        told = {"method": method, "path": f"/api/v1{path}", "headers": {"Authorization": f"Bearer {token}"}}
        [one] = replay_writes([json.dumps({**told, **({"body": body} if body else {})})], timezone.now())["writes"]
        return dict(one)

    return play


@pytest.fixture
def post(admin: User) -> Post:
    return create_post(actor=admin, fields={"title": "One", "content": "text", "tags": ["Light"]}, now=timezone.now())


@pytest.fixture
def key(admin: User) -> ApiKey:
    fields: Any = {"name": "K", "scopes": ["posts:read"]}
    return create_api_key(actor=admin, owner=admin, fields=fields, now=timezone.now()).api_key


Played = Callable[..., dict[str, Any]]


def test_posts_are_stored_alike(played: Played, post: Post) -> None:
    for one in (
        played("POST", "/posts", **NEW, meta_title="Meta", excerpt="Short"),
        played("POST", "/admin/posts", **NEW),
        played("PUT", f"/posts/{post.pk}", title="Two", content="Other *text*", tags=["dark"]),
        played("DELETE", f"/posts/{post.pk}"),
        played("DELETE", f"/admin/posts/{post.pk}"),
    ):
        assert (one["error"], one["differences"]) == ("", KNOWN), one["route"]


def test_accounts_and_keys_are_stored_alike(played: Played, key: ApiKey) -> None:
    fields = {"username": "other", "email": "other@example.org", "role": "author"}
    other = create_user(actor=SYSTEM, fields=fields, password=None, now=timezone.now())
    for one in (
        played("PUT", f"/users/{other.pk}", first_name="Ada", last_name="L."),
        played("DELETE", f"/users/{other.pk}"),
        played("POST", "/api-keys", name="K2", permissions=["posts:read"]),
        played("DELETE", f"/api-keys/{key.pk}"),
        played("POST", "/auth/logout"),
    ):
        assert (one["error"], one["differences"]) == ("", KNOWN), one["route"]


def test_what_takes_more_calls_of_v2_is_told(played: Played) -> None:
    one = played("POST", "/posts", **NEW, published=True)
    assert (one["result"], one["error"]) == ("unmapped", "v2 has a call of its own for published.")
    one = played("POST", "/auth/register", username="new", email="new@example.org", password="a long enough phrase")
    assert (one["result"], one["error"]) == ("unmapped", "v2 needs POST /auth/token too.")
    assert User.objects.count() == 1
