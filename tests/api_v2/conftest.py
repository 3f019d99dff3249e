"""Fixtures of the API v2 tests: an anonymous reader, terms, comments, posts of every visibility, something at each path."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone

from cms.choices import CommentStatus
from cms.models import Category, Comment, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.comments import create_comment
from cms.services.post_states import archive_post, trash_post
from tests.api_v2.documented import check_answers_of
from tests.api_v2.places import Places
from tests.api_v2.uploading import upload
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
def places(
    head: Client,
    settings: Any,
    tmp_path: Path,
    make_user: Callable[..., User],
    make_comment: Callable[..., Comment],
) -> Places:
    """Something at each path of the document, made by an admin."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return Places(head, make_user, make_comment)


@pytest.fixture
def own(client_of: Callable[[User], Client], author: User) -> Client:
    return client_of(author)


@pytest.fixture
def photo(media_root: None, own: Client) -> MediaFile:
    return MediaFile.objects.get(pk=upload(own).json()["id"])
