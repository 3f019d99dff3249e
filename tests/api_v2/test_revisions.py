"""The history of a post over HTTP: for whom, what is told, and that going back publishes nothing."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms import limits
from cms.models import Post, PostRevision, User
from cms.policy import SYSTEM
from cms.services.posts import update_post
from tests.api_v2.sending import problem_of, send
from tests.api_v2.walking import walk

Posts = Callable[..., Post]
Clients = Callable[[User], Client]


@pytest.fixture
def post(make_post: Posts, now: Any) -> Post:
    """Public, in its third revision."""
    post = make_post(title="One", content="first\n\nsame", meta_title="M")
    for title, content in (("Two", "second\n\nsame"), ("Three", "third\n\nsame")):
        post = update_post(actor=SYSTEM, post=post, changes={"title": title, "content": content}, now=now)
    return post


def test_revisions_are_listed_the_newest_first_without_their_content(own: Client, post: Post, author: User) -> None:
    found = walk(own, f"/posts/{post.slug}/revisions?limit=2")
    assert [(row["number"], row["title"]) for row in found] == [(3, "Three"), (2, "Two"), (1, "One")]
    path = f"/api/v2/posts/{post.pk}"
    assert found[0]["links"] == {"self": f"{path}/revisions/3", "post": path}
    assert (found[0]["is_draft"], found[0]["reason"], found[0]["post"]) == (False, "updated", str(post.pk))
    assert "content" not in found[0]
    assert own.get(f"{path}").json()["links"]["revisions"] == f"{path}/revisions"


def test_one_revision_holds_what_the_post_said(own: Client, post: Post) -> None:
    answer = send(own, "get", f"/posts/{post.pk}/revisions/1")
    body = answer.json()
    assert (body["title"], body["content"], body["content_format"]) == ("One", "first\n\nsame", "markdown")
    assert (body["meta"], body["featured_image"]) == ({"title": "M", "description": ""}, None)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    etag = answer.headers["ETag"]
    assert send(own, "get", f"/posts/{post.pk}/revisions/1", **{"If-None-Match": etag}).status_code == 304
    for number in ("0", "4", "01", "x", "9" * 30, "-1"):
        assert problem_of(send(own, "get", f"/posts/{post.pk}/revisions/{number}")) == (404, "not-found")


@pytest.mark.parametrize("text", ["42", "true", "null", '"quoted"', "[1]"])
def test_texts_that_look_like_json_are_texts(own: Client, post: Post, now: Any, text: str) -> None:
    update_post(actor=SYSTEM, post=post, changes={"title": text, "content": text}, now=now)
    body = send(own, "get", f"/posts/{post.pk}/revisions/4").json()
    assert (body["title"], body["content"]) == (text, text)
    assert send(own, "get", f"/posts/{post.pk}/revisions").json()["data"][0]["title"] == text


def test_a_draft_with_a_file_is_applied_after_a_content_of_digits(
    own: Client, make_post: Posts, author: User, now: Any
) -> None:
    post = make_post(content="42")
    for content in (f"![A](/api/v2/media/{uuid.uuid4()})", "c"):
        post = update_post(actor=author, post=post, changes={"content": content}, now=now)
    number = send(own, "post", f"/posts/{post.pk}/revisions/2/actions/restore").json()["number"]
    assert send(own, "post", f"/posts/{post.pk}/revisions/{number}/actions/apply").status_code == 200


def test_a_revision_from_before_a_field_existed_lacks_it(own: Client, post: Post) -> None:
    first = post.revisions.get(number=1)
    del first.snapshot["meta_title"]
    first.save()
    assert send(own, "get", f"/posts/{post.pk}/revisions/1").json()["meta"] == {"title": None, "description": ""}


def test_a_diff_tells_field_by_field_what_became_of_the_older_one(own: Client, post: Post) -> None:
    body = send(own, "get", f"/posts/{post.pk}/revisions/3/diff?against=1").json()
    assert (body["from"], body["to"], body["post"]) == (1, 3, str(post.pk))
    changes = {change["field"]: change for change in body["changes"]}
    assert set(changes) == {"title", "content", "excerpt"}
    assert (changes["title"]["before"], changes["title"]["after"], changes["title"]["diff"]) == ("One", "Three", None)
    assert "-first" in changes["content"]["diff"]
    assert "+third" in changes["content"]["diff"]
    assert send(own, "get", f"/posts/{post.pk}/revisions/3/diff").json()["from"] == 2
    backwards = send(own, "get", f"/posts/{post.pk}/revisions/1/diff?against=3").json()
    assert backwards["changes"][0]["after"] == "One"


@pytest.mark.parametrize(
    ("query", "status"), [("?against=9", 404), ("?against=x", 400), ("?against=0", 400), ("", 400)]
)
def test_a_diff_against_nothing_is_refused(own: Client, post: Post, query: str, status: int) -> None:
    assert send(own, "get", f"/posts/{post.pk}/revisions/1/diff{query}").status_code == status


def test_restoring_writes_a_draft_revision_and_leaves_the_post_alone(own: Client, client: Client, post: Post) -> None:
    before = client.get(f"/api/v2/posts/{post.pk}")
    answer = send(own, "post", f"/posts/{post.pk}/revisions/1/actions/restore")
    assert (answer.status_code, answer.json()["is_draft"], answer.json()["title"]) == (201, True, "One")
    assert answer.headers["Location"] == f"/api/v2/posts/{post.pk}/revisions/4"
    assert own.get(answer.headers["Location"]).json() == answer.json()
    after = client.get(f"/api/v2/posts/{post.pk}")
    assert (after.content, after.headers["ETag"]) == (before.content, before.headers["ETag"])


def test_restoring_again_returns_the_draft_that_waits(own: Client, post: Post) -> None:
    path = f"/posts/{post.pk}/revisions/1/actions/restore"
    first, again = (send(own, "post", path) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert PostRevision.objects.count() == 4


def test_one_draft_too_many_is_a_conflict(own: Client, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WAITING_DRAFTS_MAX", 1)
    paths = [f"/posts/{post.pk}/revisions/{number}/actions/restore" for number in (1, 2)]
    assert send(own, "post", paths[0]).status_code == 201
    assert problem_of(send(own, "post", paths[1])) == (409, "too-many-drafts")
    assert PostRevision.objects.count() == 4


def test_a_draft_is_discarded_and_no_other_revision(own: Client, post: Post, client_of: Clients, editor: User) -> None:
    restored = send(own, "post", f"/posts/{post.pk}/revisions/1/actions/restore")
    draft, etag = "/posts/" + restored.headers["Location"].partition("/posts/")[2], restored.headers["ETag"]
    assert problem_of(send(own, "delete", f"/posts/{post.pk}/revisions/1")) == (404, "not-found")
    assert problem_of(send(own, "delete", draft, **{"If-Match": '"1-none"'})) == (412, "precondition-failed")
    assert send(own, "delete", draft, **{"If-Match": etag}).status_code == 204
    assert problem_of(send(client_of(editor), "delete", draft)) == (404, "not-found")
    assert list(post.revisions.values_list("number", flat=True).order_by("number")) == [1, 2, 3]


def test_only_who_may_change_a_post_discards_its_drafts(
    own: Client, client: Client, client_of: Clients, make_user: Callable[..., User], post: Post
) -> None:
    send(own, "post", f"/posts/{post.pk}/revisions/1/actions/restore")
    draft = f"/posts/{post.pk}/revisions/4"
    assert problem_of(send(client, "delete", draft))[0] == 401
    assert problem_of(send(client_of(make_user("subscriber")), "delete", draft))[0] == 403
    assert post.revisions.filter(is_draft=True).count() == 1


def test_a_draft_revision_is_applied_once_and_the_state_stays(own: Client, post: Post) -> None:
    send(own, "post", f"/posts/{post.pk}/revisions/1/actions/restore")
    etag = send(own, "get", f"/posts/{post.pk}").headers["ETag"]
    path = f"/posts/{post.pk}/revisions/4/actions/apply"
    answer = send(own, "post", path, **{"If-Match": etag})
    body = answer.json()
    assert (answer.status_code, body["title"], body["status"]) == (200, "One", "published")
    assert body["version"] == post.version + 1
    assert problem_of(send(own, "post", path)) == (404, "not-found")
    stale = send(own, "post", f"/posts/{post.pk}/revisions/1/actions/restore", **{"If-Match": etag})
    assert (problem_of(stale), stale.headers["ETag"]) == ((412, "precondition-failed"), answer.headers["ETag"])


def test_the_history_of_a_post_is_for_those_who_may_change_it(
    client: Client, client_of: Clients, make_user: Callable[..., User], editor: User, post: Post
) -> None:
    readers = [client, client_of(make_user()), client_of(make_user("author"))]
    for path in ("", "/1", "/3/diff?against=1"):
        url = f"/posts/{post.pk}/revisions{path}"
        assert [send(reader, "get", url).status_code for reader in readers] == [404, 404, 404]
        assert send(client_of(editor), "get", url).status_code == 200
    for action in ("restore", "apply"):
        url = f"/posts/{post.pk}/revisions/1/actions/{action}"
        assert [send(reader, "post", url).status_code for reader in readers] == [401, 403, 403]
    assert PostRevision.objects.count() == 3


def test_a_longer_history_costs_no_more_queries(
    own: Client, post: Post, now: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    costs = {"": 3, "/1": 3, "/3/diff?against=1": 4}  # the credential, the post, the rest
    for turn in range(2):
        for path, count in costs.items():
            with django_assert_num_queries(count):
                assert send(own, "get", f"/posts/{post.pk}/revisions{path}").status_code == 200
        for number in range(10):
            update_post(actor=SYSTEM, post=post, changes={"content": f"{turn} {number}"}, now=now)
