"""GET /posts/{uuid}/comments."""

import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import delete_comment
from tests.api_v1.conftest import items_of


@pytest.fixture
def post(make_post: Any) -> Post:
    return make_post()  # type: ignore[no-any-return]


def path_of(post: Post) -> str:
    return f"/api/v1/posts/{post.pk}/comments"


def texts_of(response: Any) -> list[str]:
    return [item["content"] for item in items_of(response)]


def test_comments_are_listed_oldest_first(anonymous: Client, post: Post, make_comment: Any, make_user: Any) -> None:
    user, noon = make_user(), datetime.datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=datetime.UTC)
    make_comment(post, text="Second", created_at=noon + datetime.timedelta(hours=1))
    first = make_comment(post, text="First", author=user, created_at=noon)
    data = anonymous.get(path_of(post)).json()["data"]
    assert data["items"][0] == {
        "id": str(first.pk),
        "post_id": str(post.pk),
        "author_id": str(user.pk),
        "content": "First",
        "created_at": "2026-03-01T12:00:00.000005Z",
    }
    assert (data["items"][1]["content"], data["items"][1]["author_id"]) == ("Second", None)
    assert (data["total"], data["page"], data["limit"], data["total_pages"]) == (2, 1, 20, 1)


def test_comments_come_in_pages(anonymous: Client, post: Post, make_comment: Any) -> None:
    for number in range(3):
        make_comment(post, text=str(number))
    assert texts_of(anonymous.get(path_of(post), {"page": 2, "limit": 2})) == ["2"]
    assert texts_of(anonymous.get(path_of(post), {"page": 9, "limit": 2})) == []


@pytest.fixture
def every_state(post: Post, make_comment: Any, now: datetime.datetime) -> None:
    for status in ("published", "pending", "rejected", "spam"):
        make_comment(post, text=status, status=status)
    delete_comment(actor=SYSTEM, comment=make_comment(post, text="deleted"), now=now)


@pytest.mark.parametrize("role", [None, "subscriber", "author"])
def test_only_published_comments_are_shown_and_counted(
    role: str | None, anonymous: Client, client_of: Any, make_user: Any, post: Post, every_state: None
) -> None:
    client = client_of(make_user(role)) if role else anonymous
    response = client.get(path_of(post))
    assert texts_of(response) == ["published"]
    assert response.json()["data"]["total"] == 1


def test_a_moderator_sees_what_is_not_deleted(client_of: Any, editor: User, post: Post, every_state: None) -> None:
    assert texts_of(client_of(editor).get(path_of(post))) == ["published", "pending", "rejected", "spam"]


def test_ones_own_pending_comment_is_shown_to_oneself(
    anonymous: Client, client_of: Any, make_user: Any, post: Post, make_comment: Any
) -> None:
    user = make_user()
    make_comment(post, author=user, text="mine", status="pending")
    assert texts_of(client_of(user).get(path_of(post))) == ["mine"]
    assert texts_of(anonymous.get(path_of(post))) == []


def test_comments_of_other_posts_are_not_mixed_in(
    anonymous: Client, post: Post, make_post: Any, make_comment: Any
) -> None:
    make_comment(make_post())
    assert texts_of(anonymous.get(path_of(post))) == []
    assert Comment.objects.count() == 1


def test_of_a_deleted_comment_above_an_answer_only_the_place_is_told(
    anonymous: Client, client_of: Any, make_user: Any, editor: User, post: Post, make_comment: Any, now: Any
) -> None:
    user = make_user()
    parent = make_comment(post, author=user, text="Regretted.")
    make_comment(post, parent=parent, text="An answer.")
    delete_comment(actor=user, comment=parent, now=now)
    for asker in (anonymous, client_of(user), client_of(editor)):
        first, second = items_of(asker.get(path_of(post)))
        assert (first["id"], first["content"], first["author_id"]) == (str(parent.pk), "", None)
        assert first.keys() == {"id", "post_id", "author_id", "content", "created_at"}
        assert second["content"] == "An answer."
