"""How much one account makes the server keep in a day: revisions and stored responses, beyond what a resource has now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cms.models import Post, PostRevision, StoredAnswer, User
from cms.rate_limits import KEPT_KB, Quota, count
from cms.services.posts import update_post
from tests.api_v2.sending import problem_of, send

LONG = "x" * 100_000
OVER_THE_BUDGET = (429, "too-much-kept")
Posts = Callable[..., Post]


@pytest.fixture
def long_post(make_post: Posts, author: User, settings: Any, now: datetime) -> Post:
    """A post of 100 kB, by an author who has 290 kB of 1 MB left."""
    settings.RATE_LIMIT_KEPT_MB = 1
    count(Quota(KEPT_KB, str(author.pk)), 710, now)
    return make_post(content=LONG, slug="long")


def restored(client: Client, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return send(client, "post", "/posts/long/revisions/1/actions/restore", **headers)


def spend(client: Client) -> None:
    """Change titles until nothing is left: three revisions of the long text."""
    for title in ("One", "Two", "Three"):
        assert send(client, "patch", "/posts/long", {"title": title}).status_code == 200


def test_small_changes_of_a_long_post_are_refused_once_they_have_filled_the_budget(
    own: Client, long_post: Post
) -> None:
    spend(own)
    refused = send(own, "patch", "/posts/long", {"title": "Four"})
    assert problem_of(refused) == OVER_THE_BUDGET
    assert 0 < int(refused.headers["Retry-After"]) <= 2 * 86_400
    assert (Post.objects.get().title, PostRevision.objects.count()) == ("Three", 4)


def test_small_requests_with_new_keys_are_refused_once_their_long_answers_have_filled_the_budget(
    own: Client, long_post: Post
) -> None:
    way = ["unpublish", "publish"]
    answers = [send(own, "post", f"/posts/long/actions/{way[n % 2]}", **{"Idempotency-Key": f"k{n}"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem_of(answers[2]) == OVER_THE_BUDGET
    assert StoredAnswer.objects.count() == 2
    again = send(own, "post", "/posts/long/actions/publish", **{"Idempotency-Key": "k1"})
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.content == answers[1].content


def test_a_restore_that_finds_its_draft_stores_no_answer(own: Client, author: User, long_post: Post, now: Any) -> None:
    update_post(actor=author, post=long_post, changes={"content": "Short."}, now=now)
    answers = [restored(own, f"k{n}") for n in range(5)]
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.json()["id"] for answer in answers}) == StoredAnswer.objects.count() == 1
    assert restored(own, "k0").headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("act", [restored, lambda own: send(own, "post", "/posts/long/revisions/5/actions/apply")])
def test_a_spent_budget_refuses_a_new_draft_and_its_application(
    own: Client, author: User, long_post: Post, now: Any, act: Callable[[Client], Any]
) -> None:
    spend(own)
    assert problem_of(act(own)) == OVER_THE_BUDGET
    assert PostRevision.objects.count() == 4


def test_a_spent_budget_stops_nothing_that_keeps_nothing(
    own: Client, client_of: Callable[[User], Client], editor: User, long_post: Post
) -> None:
    spend(own)
    answers = [
        send(own, "patch", "/posts/long", {"tags": ["Tea"], "title": "Three"}),
        send(own, "post", "/posts/long/actions/unpublish"),
        send(own, "post", "/posts", {"title": "New", "content": "Short."}),
        own.get("/api/v2/posts/long"),
        send(own, "delete", "/posts/long"),
        send(client_of(editor), "patch", "/posts/new", {"title": "By another account"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 201, 200, 204, 200]


def test_all_credentials_and_both_versions_spend_one_budget(
    own: Client, client_of: Callable[[User], Client], author: User, long_post: Post
) -> None:
    spend(own)
    refused = client_of(author).put(f"/api/v1/posts/{long_post.pk}", {"title": "Four"}, content_type="application/json")
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert refused.json()["success"] is False
    assert "1 MB" in refused.json()["error"]


def test_zero_is_no_limit(own: Client, long_post: Post, settings: Any) -> None:
    settings.RATE_LIMIT_KEPT_MB = 0
    spend(own)
    assert send(own, "patch", "/posts/long", {"title": "Four"}).status_code == 200
