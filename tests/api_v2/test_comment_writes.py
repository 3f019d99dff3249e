"""Comments written, edited, deleted and moderated over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, Comment, Post, User
from cms.services.api_keys import create_api_key
from tests.api_v2.sending import codes_of, problem_of, send
from tests.api_v2.walking import walk

Posts = Callable[..., Post]
Users = Callable[..., User]
Clients = Callable[[User], Client]
Comments = Callable[..., Comment]


@pytest.fixture
def moderator(client_of: Clients, editor: User) -> Client:
    return client_of(editor)


def test_a_subscriber_s_comment_waits_and_is_seen_by_its_author_alone(
    client: Client, client_of: Clients, make_user: Users, make_post: Posts
) -> None:
    post, mia = make_post(), make_user(username="mia")
    by = client_of(mia)
    answer = send(by, "post", f"/posts/{post.slug}/comments", {"text": "Well said."})
    comment = Comment.objects.get()
    body = answer.json()
    assert (answer.status_code, body["status"], body["author"], body["depth"]) == (201, "pending", str(mia.pk), 0)
    assert answer.headers["Location"] == f"/api/v2/comments/{comment.pk}"
    get = by.get(answer.headers["Location"])
    assert (get.content, get.headers["ETag"]) == (answer.content, answer.headers["ETag"])
    assert client.get(answer.headers["Location"]).status_code == 404
    assert AuditEvent.objects.get(action="comment.created").api_version == 2


def test_authors_and_editors_publish_at_once_and_replies_go_deeper(
    client: Client, moderator: Client, make_post: Posts, make_comment: Comments
) -> None:
    post = make_post()
    parent = make_comment(post)
    answer = send(moderator, "post", f"/posts/{post.pk}/comments", {"text": "Thanks!", "parent": str(parent.pk)})
    body = answer.json()
    assert (body["status"], body["parent"], body["depth"]) == ("published", str(parent.pk), 1)
    assert [row["text"] for row in walk(client, f"/posts/{post.pk}/comments")] == ["Well said.", "Thanks!"]
    assert send(moderator, "post", f"/posts/{post.pk}/comments", {"text": "x", "parent": None}).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/text", "required"),
        ({"text": ""}, "/text", "required"),
        ({"text": None}, "/text", "invalid_type"),
        ({"text": "x" * 10_001}, "/text", "too_long"),
        ({"text": "x", "parent": "nonsense"}, "/parent", "unknown"),
        ({"text": "x", "parent": 1}, "/parent", "invalid_type"),
        ({"text": "x", "status": "published"}, "/status", "unknown_member"),
    ],
)
def test_a_comment_that_cannot_be_stored_is_a_422_that_points_there(
    moderator: Client, make_post: Posts, body: Any, pointer: str, code: str
) -> None:
    assert codes_of(send(moderator, "post", f"/posts/{make_post().pk}/comments", body)) == [(pointer, code)]
    assert not Comment.objects.exists()


def test_a_reply_to_a_comment_of_another_post_or_a_hidden_one_is_refused(
    client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments
) -> None:
    post, by = make_post(), client_of(make_user())
    elsewhere, pending = make_comment(make_post()), make_comment(post, status="pending")
    for parent, code in ((elsewhere, "invalid_parent"), (pending, "unknown")):
        answer = send(by, "post", f"/posts/{post.pk}/comments", {"text": "x", "parent": str(parent.pk)})
        assert codes_of(answer) == [("/parent", code)]


def test_nobody_comments_on_what_they_cannot_see(
    client: Client, client_of: Clients, make_user: Users, make_post: Posts, hidden_posts: dict[str, Post]
) -> None:
    by, body = client_of(make_user()), {"text": "x"}
    assert send(client, "post", f"/posts/{make_post().pk}/comments", body).status_code == 401
    for name in ("nowhere", *(post.pk for post in hidden_posts.values())):
        assert send(by, "post", f"/posts/{name}/comments", body).status_code == 404
    assert not Comment.objects.exists()


def test_its_author_edits_a_comment_and_others_do_not(
    client: Client, client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments, moderator: Client
) -> None:
    mia = make_user()
    comment = make_comment(make_post(), author=mia)
    path = f"/comments/{comment.pk}"
    answer = send(client_of(mia), "patch", path, {"text": "Better said."})
    assert (answer.status_code, answer.json()["text"]) == (200, "Better said.")
    assert answer.json()["edited_at"] is not None
    assert answer.headers["ETag"] == client_of(mia).get(f"/api/v2{path}").headers["ETag"]
    for by, status in ((client, 401), (client_of(make_user("author")), 403), (moderator, 200)):
        assert send(by, "patch", path, {"text": "Otherwise."}).status_code == status
    assert send(moderator, "patch", path, {}).json()["text"] == "Otherwise."
    for body, pointer in (({"text": None}, "/text"), ({"status": "spam"}, "/status")):
        assert codes_of(send(moderator, "patch", path, body))[0][0] == pointer


def test_an_edited_comment_waits_again_where_the_site_wants_that(
    client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments, settings: Any
) -> None:
    settings.COMMENT_EDITS_NEED_REVIEW = True
    mia = make_user()
    path = f"/comments/{make_comment(make_post(), author=mia).pk}"
    assert send(client_of(mia), "patch", path, {"text": "x"}).json()["status"] == "pending"


def test_if_match_guards_edits_and_deletions(
    client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments, moderator: Client
) -> None:
    mia = make_user()
    comment = make_comment(make_post(), author=mia)
    by, path = client_of(mia), f"/comments/{comment.pk}"
    old = send(by, "get", path).headers["ETag"]
    etag = send(by, "patch", path, {"text": "x"}, **{"If-Match": old}).headers["ETag"]
    for method, rest, body in (("patch", "", {"text": "y"}), ("delete", "", None)):
        answer = send(by, method, f"{path}{rest}", body, **{"If-Match": old})
        assert (problem_of(answer), answer.headers["ETag"]) == ((412, "precondition-failed"), etag)
    stale = send(moderator, "post", f"{path}/actions/spam", **{"If-Match": old})
    assert (stale.status_code, stale.headers["ETag"]) == (412, etag)
    assert send(by, "delete", path, **{"If-Match": etag}).status_code == 204


def test_a_deleted_comment_is_gone_or_keeps_its_place_above_its_answers(
    client: Client, client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments
) -> None:
    mia, post = make_user(), make_post()
    leaf, parent = make_comment(post, "Leaf", author=mia), make_comment(post, "Parent", author=mia)
    make_comment(post, "Answer", parent=parent)
    assert [send(client_of(mia), "delete", f"/comments/{row.pk}").status_code for row in (leaf, parent)] == [204, 204]
    rows = walk(client, f"/posts/{post.pk}/comments")
    assert (rows[0]["text"], rows[0]["status"], rows[0]["author"]) == ("", "deleted", None)
    assert [row["text"] for row in rows] == ["", "Answer"]
    assert send(client_of(mia), "delete", f"/comments/{leaf.pk}").status_code == 404
    assert Comment.objects.get(pk=leaf.pk).text == ""


def test_moderators_approve_reject_and_mark_as_spam(
    moderator: Client, make_post: Posts, make_comment: Comments
) -> None:
    post = make_post()
    for action, status in (("approve", "published"), ("reject", "rejected"), ("spam", "spam")):
        comment = make_comment(post, status="pending")
        path = f"/comments/{comment.pk}/actions/{action}"
        answer = send(moderator, "post", path)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert answer.headers["ETag"] == send(moderator, "get", f"/comments/{comment.pk}").headers["ETag"]
        assert problem_of(send(moderator, "post", path)) == (409, "invalid-transition")


def test_nobody_else_moderates_or_lists_what_waits(
    client: Client, client_of: Clients, make_user: Users, make_post: Posts, make_comment: Comments
) -> None:
    path = f"/comments/{make_comment(make_post(), status='pending').pk}/actions/approve"
    for by, status in ((client, 401), (client_of(make_user()), 403), (client_of(make_user("author")), 403)):
        assert send(by, "post", path).status_code == status
        assert send(by, "get", "/comments?status=pending").status_code == status
    assert Comment.objects.get().status == "pending"


def test_what_waits_is_listed_the_newest_first(moderator: Client, make_post: Posts, make_comment: Comments) -> None:
    one, other = make_post(), make_post()
    pending = [make_comment(post, f"{n}", status="pending") for n, post in enumerate((one, other, one))]
    make_comment(one, "seen")
    make_comment(one, "bad", status="spam")
    texts = lambda query: [row["text"] for row in walk(moderator, f"/comments?limit=1&{query}")]  # noqa: E731
    assert texts("status=pending") == ["2", "1", "0"]
    assert texts(f"status=pending,spam&post={one.pk}") == ["bad", "2", "0"]
    assert len(texts("fields=text")) == len(pending) + 2
    refused = send(moderator, "get", "/comments?status=waiting")
    assert refused.status_code == 400
    assert "pending, published, rejected, spam, deleted" in refused.json()["detail"]


def test_more_waiting_comments_cost_no_more_queries(
    moderator: Client, make_post: Posts, make_comment: Comments, django_assert_num_queries: Callable[..., Any]
) -> None:
    for count in (1, 10):
        for _ in range(count):
            make_comment(make_post(), status="pending")
        with django_assert_num_queries(2):  # the credential, the rows
            rows = send(moderator, "get", "/comments?status=pending&limit=100").json()["data"]
        assert len(rows) >= count


GUEST = {"text": "Hello.", "author_name": "Grace", "author_email": "grace@example.org"}


def test_a_guest_writes_where_the_site_lets_guests_in(client: Client, make_post: Posts, settings: Any) -> None:
    path = f"/posts/{make_post().slug}/comments"
    assert problem_of(send(client, "post", path, GUEST)) == (401, "authentication-required")
    settings.COMMENTS_BY_GUESTS = True
    answer = send(client, "post", path, GUEST)
    body = answer.json()
    assert (answer.status_code, body["status"], body["author"], body["author_name"]) == (201, "pending", None, "Grace")
    assert "grace@example.org" not in answer.content.decode()
    assert walk(client, path) == []
    assert codes_of(send(client, "post", path, {"text": "Hello."})) == [("/author_name", "required")]


def test_a_credential_never_makes_a_guest(
    client_of: Clients, admin: User, make_user: Users, make_post: Posts, now: Any, settings: Any
) -> None:
    settings.COMMENTS_BY_GUESTS = True
    path, fields = f"/posts/{make_post().slug}/comments", {"name": "Reader", "scopes": ["posts:read"]}
    key = create_api_key(actor=admin, owner=admin, fields=fields, now=now).raw_key
    for by in (client_of(make_user()), Client(headers={"x-api-key": key})):
        assert send(by, "post", path, GUEST).status_code == 403
    assert not Comment.objects.exists()
