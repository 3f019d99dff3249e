"""What the tests of v1 share: clients, requests with JSON bodies, and posts and terms in every state."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import Category, Comment, Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.post_states import archive_post, trash_post
from cms.services.sessions import open_session
from tests.api_v1.documented import DocumentedClient

HIDDEN_STATES = ("draft", "scheduled", "expired", "private", "trashed", "archived")


@pytest.fixture
def anonymous(db: None) -> Client:
    return DocumentedClient()


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """As everywhere, and each answer is held against the OpenAPI document."""

    def make(user: User) -> Client:
        token = open_session(user=user, now=timezone.now()).access_token
        return DocumentedClient(headers={"authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def writer(client_of: Callable[[User], Client], author: User) -> Client:
    return client_of(author)


@pytest.fixture
def send() -> Callable[..., Any]:
    """`send(client, "post", "/api/v1/posts", {…})`: a request with a JSON body."""

    def make(client: Client, method: str, path: str, body: Any = None) -> Any:
        return getattr(client, method)(path, body if body is not None else {}, content_type="application/json")

    return make


@pytest.fixture
def make_hidden_post(make_post: Callable[..., Post]) -> Callable[..., Post]:
    """`make_hidden_post("expired")`: a post by `author` that isn't public, for one of HIDDEN_STATES."""

    def make(state: str, **fields: Any) -> Post:
        now, hour = timezone.now(), datetime.timedelta(hours=1)
        special: dict[str, dict[str, Any]] = {
            "draft": {"is_published": False},
            "scheduled": {"published_at": now + hour},
            "expired": {"published_at": now - 2 * hour, "expires_at": now - hour},
            "private": {"visibility": "private"},
        }
        post = make_post(**{"title": f"A {state} post", **special.get(state, {}), **fields})
        if state == "archived":
            return archive_post(actor=SYSTEM, post=post, now=now)
        return trash_post(actor=SYSTEM, post=post, now=now) if state == "trashed" else post

    return make


@pytest.fixture
def make_category(db: None) -> Callable[..., Category]:
    def make(name: str, **fields: Any) -> Category:
        return create_category(actor=SYSTEM, fields={"name": name, **fields}, now=timezone.now())  # type: ignore[typeddict-item]

    return make


@pytest.fixture
def make_comment(db: None) -> Callable[..., Comment]:
    """`make_comment(post, text="…", status="spam")`: by a guest unless `author` is given."""

    def make(post: Post, *, author: User | None = None, **fields: Any) -> Comment:
        who: dict[str, Any] = {"author": author} if author else {"author_name": "A guest"}
        values: Any = {"text": "A comment.", "status": "published", **who, **fields}
        return create_comment(actor=SYSTEM, post=post, fields=values, now=timezone.now())

    return make


def items_of(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    return response.json()["data"]["items"]  # type: ignore[no-any-return]


def ids_of(response: Any) -> list[str]:
    return [item["id"] for item in items_of(response)]
