"""Comments: threads in reading order, their shape."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from cms.models import Comment, Post, User
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
