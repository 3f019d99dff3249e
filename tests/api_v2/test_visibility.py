"""Nobody learns of a hidden post or comment: not by list, id, slug, count, include, filter, link or validator."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.choices import CommentStatus
from cms.models import Comment, Post, User
from cms.policy import SYSTEM
from cms.services.comments import delete_comment
from cms.services.posts import update_post
from tests.api_v2.walking import titles, walk

REASONS = ["draft", "scheduled", "expired", "private", "archived", "trashed"]
ALL_STATUSES = "status=draft,scheduled,published,archived,trashed"
Reader = Callable[..., Any]


@pytest.fixture(params=["anonymous", "subscriber", "other author"])
def stranger(
    request: pytest.FixtureRequest, make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> Client:
    if request.param == "anonymous":
        return Client()
    return client_of(make_user(request.param.split()[-1]))


@pytest.fixture(params=["its author", "editor", "co-author"])
def insider(
    request: pytest.FixtureRequest,
    make_user: Callable[..., User],
    client_of: Callable[[User], Client],
    hidden_posts: dict[str, Post],
    author: User,
) -> Client:
    if request.param == "its author":
        return client_of(author)
    user = make_user("author" if request.param == "co-author" else "editor")
    if request.param == "co-author":
        for post in hidden_posts.values():
            post.co_authors.add(user)
    return client_of(user)


@pytest.mark.parametrize("reason", REASONS)
def test_strangers_get_the_404_of_what_never_was(
    get: Reader, stranger: Client, hidden_posts: dict[str, Post], reason: str
) -> None:
    post = hidden_posts[reason]
    for path in (f"/posts/{post.pk}", f"/posts/{post.slug}", f"/posts/{post.pk}/comments"):
        hidden = get(path, by=stranger)
        assert hidden.status_code == 404
        assert "ETag" not in hidden.headers
        never = get(path.replace(str(post.pk), str(post.author_id)).replace(post.slug, "never"), by=stranger)
        assert hidden.json()["detail"] == never.json()["detail"]


def test_strangers_find_nothing_hidden_in_lists_counts_and_filters(
    get: Reader, stranger: Client, hidden_posts: dict[str, Post], make_post: Callable[..., Post], author: User
) -> None:
    for post in hidden_posts.values():
        update_post(actor=SYSTEM, post=post, changes={"tags": ["hush"]}, now=timezone.now())
    make_post(title="Open", tags=["hush"])
    ids = ",".join(str(post.pk) for post in hidden_posts.values())
    for query in ("", ALL_STATUSES, f"author={author.pk}", f"author={author.username}&{ALL_STATUSES}", "tag=hush"):
        answer = get(f"/posts?{query}&count=exact", by=stranger)
        assert titles(answer) == ["Open"]
        assert answer.json()["page"]["total"] == 1
    assert get(f"/posts?ids={ids}&{ALL_STATUSES}&count=exact", by=stranger).json()["page"]["total"] == 0
    assert get("/tags/hush", by=stranger).json()["post_count"] == 1


def test_insiders_find_all_of_them_by_asking(get: Reader, insider: Client, hidden_posts: dict[str, Post]) -> None:
    answer = get(f"/posts?{ALL_STATUSES}&count=exact", by=insider)
    assert sorted(titles(answer)) == sorted(post.title for post in hidden_posts.values())
    assert answer.json()["page"]["total"] == len(REASONS)
    for post in hidden_posts.values():
        assert get(f"/posts/{post.slug}", by=insider).json()["id"] == str(post.pk)


@pytest.mark.parametrize("status", ["draft", "scheduled", "archived", "trashed"])
def test_a_status_gives_insiders_the_posts_of_that_state(
    get: Reader, insider: Client, hidden_posts: dict[str, Post], status: str
) -> None:
    (post,) = get(f"/posts?status={status}", by=insider).json()["data"]
    assert post["id"] == str(hidden_posts[status].pk)
    assert post["status"] == status


@pytest.mark.parametrize("query", ["", "status=published"])
def test_without_a_status_a_list_is_of_published_posts_alone(
    get: Reader, insider: Client, hidden_posts: dict[str, Post], query: str
) -> None:
    assert sorted(titles(get(f"/posts?{query}", by=insider))) == ["Secret expired", "Secret private"]


@pytest.mark.parametrize("reason", REASONS)
def test_an_old_slug_leads_only_those_who_may_see_the_post(
    get: Reader, stranger: Client, insider: Client, hidden_posts: dict[str, Post], reason: str
) -> None:
    post = hidden_posts[reason]
    old = post.slug
    update_post(actor=SYSTEM, post=post, changes={"slug": "moved"}, now=timezone.now())
    assert get(f"/posts/{old}", by=stranger).status_code == 404
    answer = get(f"/posts/{old}", by=insider)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/api/v2/posts/moved")


@pytest.fixture
def thread(make_post: Callable[..., Post], make_comment: Callable[..., Comment]) -> dict[str, Comment]:
    post = make_post()
    written = set(CommentStatus) - {CommentStatus.DELETED}
    comments = {str(status): make_comment(post, f"{status} text", status=status) for status in written}
    deleted = delete_comment(actor=SYSTEM, comment=make_comment(post, "deleted text"), now=timezone.now())
    return {**comments, "deleted": deleted}


@pytest.mark.parametrize("status", ["pending", "rejected", "spam", "deleted"])
def test_strangers_never_see_a_hidden_comment(
    get: Reader, stranger: Client, thread: dict[str, Comment], status: str
) -> None:
    listed = get("/posts/a-post/comments?count=exact", by=stranger)
    assert [comment["text"] for comment in listed.json()["data"]] == ["published text"]
    assert listed.json()["page"]["total"] == 1
    hidden = get(f"/comments/{thread[status].pk}", by=stranger)
    assert hidden.status_code == 404
    assert f"{status} text" not in hidden.content.decode()
    assert get("/posts/a-post?include=comment_count", by=stranger).json()["comment_count"] == 1
    assert get("/posts?include=comment_count", by=stranger).json()["data"][0]["comment_count"] == 1


def test_comments_of_hidden_posts_are_hidden(
    get: Reader, stranger: Client, hidden_posts: dict[str, Post], make_comment: Callable[..., Comment]
) -> None:
    for post in hidden_posts.values():
        comment = make_comment(post)
        assert get(f"/comments/{comment.pk}", by=stranger).status_code == 404


def test_a_pending_comment_is_seen_by_its_author_and_by_moderators(
    get: Reader,
    thread: dict[str, Comment],
    client_of: Callable[[User], Client],
    editor: User,
) -> None:
    pending = thread["pending"]
    for user in (pending.author, editor):
        assert user is not None
        assert get(f"/comments/{pending.pk}", by=client_of(user)).json()["status"] == "pending"
    shown = get("/posts/a-post/comments", by=client_of(editor)).json()["data"]
    assert {comment["status"] for comment in shown} == {"pending", "published", "rejected", "spam"}


def test_a_switched_off_category_is_named_nowhere(
    get: Reader, stranger: Client, make_post: Callable[..., Post], make_category: Callable[..., Any]
) -> None:
    off = make_category("Off", is_active=False)
    below = make_category("Below", parent=off)
    make_post(categories=[off, below])
    post = get("/posts/a-post?include=categories", by=stranger).json()
    assert post["categories"] == [str(below.pk)]
    assert [category["parent"] for category in post["included"]["categories"]] == [None]
    assert get("/categories/off", by=stranger).status_code == 404
    assert [category["name"] for category in get("/categories", by=stranger).json()["data"]] == ["Below"]
    assert [category["name"] for category in get("/categories/tree", by=stranger).json()["data"]] == ["Below"]
    assert get("/posts?category=off", by=stranger).json()["data"] == []


def test_nobody_but_oneself_learns_more_of_an_author_than_is_public(
    get: Reader,
    stranger: Client,
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    make_comment: Callable[..., Comment],
) -> None:
    mia = make_user("author", username="mia", first_name="Civil", last_name="Name")
    make_comment(make_post(by=mia), author=mia)
    (author,) = get("/posts/a-post?include=author", by=stranger).json()["included"]["authors"]
    assert author.keys() == {"id", "created_at", "updated_at", "username", "display_name", "bio"}
    (comment,) = walk(stranger, "/posts/a-post/comments")
    assert comment["author_name"] == "mia"
