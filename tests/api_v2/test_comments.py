"""Comments: threads in reading order, their shape."""

import datetime
from collections.abc import Callable
from typing import Any

from django.test import Client

from cms.models import Comment, Post, User
from cms.services.comments import delete_comment
from tests.api_v2.walking import last_page, walk, walk_back

Get = Callable[..., Any]


def test_a_comment_has_the_shape_of_the_contract(
    get: Get, make_post: Callable[..., Post], make_comment: Callable[..., Comment], make_user: Callable[..., User]
) -> None:
    post, mia = make_post(), make_user(username="mia", display_name="Mia M.")
    parent = make_comment(post, author=mia)
    reply = make_comment(post, "Thanks!", parent=parent, author=None, author_name="Guest", author_email="g@example.org")
    body = get(f"/comments/{reply.pk}").json()
    assert body == {
        **body,
        "id": str(reply.pk),
        "post": str(post.pk),
        "author": None,
        "author_name": "Guest",
        "text": "Thanks!",
        "status": "published",
        "parent": str(parent.pk),
        "depth": 1,
        "edited_at": None,
    }
    assert len(body) == 11
    assert "example.org" not in str(body)
    assert get(f"/comments/{parent.pk}").json()["author_name"] == "Mia M."
    assert get(f"/posts/{post.pk}/comments").json()["data"][1] == body


def test_a_thread_reads_from_top_to_bottom_across_pages(
    client: Client, make_post: Callable[..., Post], make_comment: Callable[..., Comment]
) -> None:
    post = make_post()
    first, second = make_comment(post, "1"), make_comment(post, "2")
    reply = make_comment(post, "1.1", parent=first)
    make_comment(post, "2.1", parent=second)
    make_comment(post, "1.1.1", parent=reply)
    expected = ["1", "1.1", "1.1.1", "2", "2.1"]
    found = walk(client, "/posts/a-post/comments?limit=2&fields=text")
    assert [comment["text"] for comment in found] == expected
    assert walk_back(client, last_page(client, "/posts/a-post/comments?limit=2&fields=text")) == found


def test_comments_of_one_post_stay_with_it(
    get: Get, make_post: Callable[..., Post], make_comment: Callable[..., Comment]
) -> None:
    one, other = make_post(), make_post()
    make_comment(other, "elsewhere")
    assert get(f"/posts/{one.pk}/comments").json()["data"] == []


def test_of_a_deleted_comment_above_an_answer_only_the_place_is_told(
    get: Get,
    client_of: Callable[[User], Client],
    make_post: Callable[..., Post],
    make_comment: Callable[..., Comment],
    make_user: Callable[..., User],
    editor: User,
    now: datetime.datetime,
) -> None:
    user, post = make_user(username="mia"), make_post()
    parent = make_comment(post, "Regretted.", author=user)
    make_comment(post, "An answer.", parent=parent)
    make_comment(post, "Waiting.", status="pending")
    delete_comment(actor=user, comment=parent, now=now)
    for asker in (None, client_of(user), client_of(editor)):
        first, second = get(f"/posts/{post.pk}/comments", by=asker).json()["data"][:2]
        assert (first["status"], first["text"], first["author"], first["author_name"]) == ("deleted", "", None, "")
        assert second["parent"] == first["id"] == str(parent.pk)
        alone = get(f"/comments/{parent.pk}?fields=author,author_name", by=asker).json()
        assert alone == {"author": None, "author_name": ""}
    assert get(f"/posts/{post.pk}?include=comment_count").json()["comment_count"] == 1
