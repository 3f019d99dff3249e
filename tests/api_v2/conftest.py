"""Fixtures of the API v2 tests: an anonymous reader, terms, comments, posts of every visibility, something at each path."""

import datetime
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cms.choices import CommentStatus
from cms.models import AuthSession, Category, Comment, Delivery, Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.post_states import archive_post, trash_post
from cms.services.posts import update_post
from tests.api_v2.documented import check_answers_of
from tests.api_v2.sending import send
from tests.api_v2.walking import BASE

EXAMPLE_PASSWORD: Final = "three quiet harbours"  # the document's examples sign in with it
HOUR = datetime.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer that any test of v2 gets is held against the OpenAPI document."""
    check_answers_of(Client, monkeypatch)


@pytest.fixture
def get(client: Client) -> Callable[..., Any]:
    """`get("/posts?limit=1")`: an anonymous GET below the pinned base; `client=` for another reader."""

    def send(path: str, *, by: Client | None = None, **headers: str) -> Any:
        return (by or client).get(f"{BASE}{path}", headers=headers)

    return send


@pytest.fixture
def make_category(db: None) -> Callable[..., Category]:
    def make(name: str, **fields: Any) -> Category:
        return create_category(actor=SYSTEM, fields={"name": name, **fields}, now=timezone.now())

    return make


@pytest.fixture
def make_comment(make_user: Callable[..., User]) -> Callable[..., Comment]:
    """A published comment of a guest unless said otherwise."""

    def make(post: Post, text: str = "Well said.", **fields: Any) -> Comment:
        values = {"status": CommentStatus.PUBLISHED, "text": text, **fields}
        if "author" not in values:
            values["author"] = make_user()
        return create_comment(actor=SYSTEM, post=post, fields=values, now=timezone.now())  # type: ignore[arg-type]

    return make


@pytest.fixture
def hidden_posts(make_post: Callable[..., Post], now: datetime.datetime) -> dict[str, Post]:
    """One post of every kind that nobody but its author and editors may see, by the reason."""
    expired = make_post(title="Secret expired", published_at=now - 2 * HOUR)
    Post.objects.filter(pk=expired.pk).update(expires_at=now - HOUR)
    return {
        "draft": make_post(title="Secret draft", is_published=False),
        "scheduled": make_post(title="Secret scheduled", published_at=now + HOUR),
        "expired": expired,
        "private": make_post(title="Secret private", visibility="private"),
        "archived": archive_post(actor=SYSTEM, post=make_post(title="Secret archived"), now=now),
        "trashed": trash_post(actor=SYSTEM, post=make_post(title="Secret trashed"), now=now),
    }


@pytest.fixture
def head(make_user: Callable[..., User], client_of: Callable[[User], Client]) -> Client:
    return client_of(make_user("admin", username="head", password=EXAMPLE_PASSWORD))


@pytest.fixture
def make_place(
    head: Client,
    settings: Any,
    tmp_path: Path,
    now: datetime.datetime,
    make_post: Callable[..., Post],
    make_comment: Callable[..., Comment],
    make_category: Callable[..., Category],
    make_user: Callable[..., User],
) -> Callable[[str], str]:
    """`make_place("/tags/{slug_or_id}")`: the path of something made for it, in a state that its operations are for."""

    settings.MEDIA_ROOT = tmp_path / "media"

    def posted(path: str, body: Any) -> str:
        return str(send(head, "post", path, body).json()["id"])

    def post(path: str) -> Post:
        found = make_post(title="Harbour", is_published=path.endswith(("unpublish", "restore", "comments")))
        if "/revisions" in path:
            found = update_post(actor=SYSTEM, post=found, changes={"content": "Other."}, now=now)
            send(head, "post", f"/posts/{found.pk}/revisions/1/actions/restore")  # its draft is number 3
        elif path.endswith("restore"):
            found = trash_post(actor=SYSTEM, post=found, now=now)
        return found

    def media(path: str) -> str:
        file = SimpleUploadedFile("quay.pdf", b"%PDF-1.7\n%%EOF\n")
        return str(head.post("/api/v2/media", {"file": file}).json()["id"])

    def hook(path: str) -> str:
        return posted("/webhooks", {"url": "https://hooks.example.org/x", "events": ["*"]})

    def delivery(path: str) -> str:
        hook(path)
        make_post()
        Delivery.objects.update(status="dead")
        return str(Delivery.objects.all()[0].pk)

    makers: dict[str, Callable[[str], Any]] = {
        "posts": lambda path: post(path).pk,
        "comments": lambda path: make_comment(make_post(), status="pending").pk,
        "tags": lambda path: posted("/tags", {"name": "Quays"}),
        "categories": lambda path: make_category("Home").pk,
        "media": media,
        "users": lambda path: make_user(username="somebody").pk,
        "me": lambda path: AuthSession.objects.get().pk,
        "api-keys": lambda path: posted("/api-keys", {"name": "k", "scopes": ["posts:read"]}),
        "webhooks": hook,
        "deliveries": delivery,
    }

    def make(path: str) -> str:
        path = path.replace("{number}", "3" if path.endswith("apply") else "1")
        if "{" not in path:
            return path
        return re.sub(r"{\w+}", str(makers[path.split("/")[1]](path)), path, count=1)

    return make
