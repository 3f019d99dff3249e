"""What is done with posts by name: states, previews."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.errors import NotFound
from cms.models import AuditEvent, Post, User
from cms.policy import SYSTEM
from cms.services import previews
from cms.services.api_keys import create_api_key
from cms.services.post_states import trash_post
from cms.services.posts import update_post
from cms.services.users import deactivate_user
from cms.tokens import previews as preview_tokens
from tests.api_v2.conftest import HOUR
from tests.api_v2.sending import codes_of, problem_of, send

Posts = Callable[..., Post]
Clients = Callable[[User], Client]


def act(client: Client, post: Post, action: str, body: Any = None, **headers: str) -> Any:
    return send(client, "post", f"/posts/{post.pk}/actions/{action}", body, **headers)


def test_publishing_answers_with_the_post_as_everybody_sees_it(own: Client, client: Client, make_post: Posts) -> None:
    post = make_post(is_published=False)
    answer = act(own, post, "publish")
    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "published", 2)
    assert answer.headers["ETag"] == own.get(f"/api/v2/posts/{post.pk}").headers["ETag"]
    assert answer.json()["actions"] == ["update", "unpublish", "archive", "trash", "preview"]
    assert client.get(f"/api/v2/posts/{post.slug}").status_code == 200
    assert AuditEvent.objects.filter(action="post.published", api_version=2).exists()


def test_publishing_takes_instants(own: Client, client: Client, make_post: Posts) -> None:
    post = make_post(is_published=False)
    instants = {"published_at": "2999-01-01T00:00:00Z", "expires_at": "2999-02-01T01:00:00+01:00"}
    body = act(own, post, "publish", instants).json()
    assert (body["status"], body["published_at"]) == ("scheduled", "2999-01-01T00:00:00.000000Z")
    assert body["expires_at"] == "2999-02-01T00:00:00.000000Z"
    assert client.get(f"/api/v2/posts/{post.pk}").status_code == 404
    assert act(own, post, "publish", {"published_at": None}).json()["status"] == "published"


def test_publishing_keeps_an_expiry_that_is_not_named_and_null_takes_it_away(own: Client, make_post: Posts) -> None:
    kept = make_post(is_published=False, expires_at=datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC))
    assert act(own, kept, "publish", {}).json()["expires_at"] == "2999-01-01T00:00:00.000000Z"
    passed = make_post(is_published=False, expires_at=datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
    assert codes_of(act(own, passed, "publish")) == [("/expires_at", "too_early")]
    answer = act(own, passed, "publish", {"expires_at": None})
    assert (answer.status_code, answer.json()["expires_at"], answer.json()["status"]) == (200, None, "published")


def test_a_key_that_only_reads_is_told_of_no_actions(author: User, make_post: Posts, now: Any) -> None:
    post = make_post()
    for scopes, may in ((["posts:read"], False), (["posts:read", "posts:write"], True)):
        fields: Any = {"name": "Robot", "scopes": scopes}
        raw_key = create_api_key(actor=author, owner=author, fields=fields, now=now).raw_key
        read = Client(headers={"x-api-key": raw_key}).get(f"/api/v2/posts/{post.pk}").json()
        assert bool(read["actions"]) == may


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"published_at": "tomorrow"}, "/published_at", "invalid_instant"),
        ({"when": "now"}, "/when", "unknown_member"),
        ({"expires_at": "2000-01-01T00:00:00Z"}, "/expires_at", "too_early"),
        ([], "", "invalid_type"),
    ],
)
def test_a_publication_that_makes_no_sense_is_a_422(
    own: Client, make_post: Posts, body: Any, pointer: str, code: str
) -> None:
    assert codes_of(act(own, make_post(is_published=False), "publish", body)) == [(pointer, code)]
    assert Post.objects.get().status == "draft"


def test_every_state_can_be_left_as_the_actions_say_and_no_other_way(own: Client, make_post: Posts) -> None:
    ways = {"publish": "published", "unpublish": "draft", "archive": "archived", "restore": None}
    for start in ("draft", "published", "archived", "trashed"):
        for action, target in ways.items():
            post = make_post(is_published=start != "draft")
            if start == "archived":
                act(own, post, "archive")
            if start == "trashed":
                send(own, "delete", f"/posts/{post.pk}")
            can = action in own.get(f"/api/v2/posts/{post.pk}").json()["actions"]
            answer = act(own, post, action)
            assert answer.status_code == (200 if can else 409), (start, action)
            if can and target:
                assert answer.json()["status"] == target
            elif not can:
                assert problem_of(answer) == (409, "invalid-transition")


def test_restoring_leads_back_to_where_the_post_was(own: Client, make_post: Posts) -> None:
    trashed, archived = make_post(), make_post()
    send(own, "delete", f"/posts/{trashed.pk}")
    act(own, archived, "archive")
    assert [act(own, post, "restore").json()["status"] for post in (trashed, archived)] == ["published", "draft"]


def test_an_action_takes_no_members_and_needs_no_body(own: Client, make_post: Posts) -> None:
    post = make_post()
    assert codes_of(act(own, post, "archive", {"why": "x"})) == [("/why", "unknown_member")]
    assert own.generic("POST", f"/api/v2/posts/{post.pk}/actions/archive").status_code == 200
    assert act(own, make_post(), "archive", {}).status_code == 200


def test_an_action_on_nothing_is_a_404_and_a_get_a_405(own: Client, make_post: Posts) -> None:
    answer = send(own, "post", "/posts/nowhere/actions/publish")
    assert problem_of(answer) == (404, "not-found")
    refused = own.get(f"/api/v2/posts/{make_post().pk}/actions/publish")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST, OPTIONS")


# -- previews ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "https://www.example.org/preview?token={token}"], ids=["none", "front end"])
def test_a_preview_has_its_token_and_the_page_of_the_front_end(
    own: Client, make_post: Posts, settings: Any, page: str
) -> None:
    settings.PREVIEW_URL = page
    made = act(own, make_post(is_published=False), "preview").json()
    token = made["url"].rpartition("/")[2]
    expected = f"https://www.example.org/preview?token={token}" if page else None
    assert (made["token"], made["front_end_url"]) == (token, expected)


@pytest.fixture
def link(own: Client, make_post: Posts) -> tuple[str, Post]:
    post = make_post(title="Secret", is_published=False)
    return act(own, post, "preview").json()["url"], post


def test_a_preview_link_shows_a_draft_to_whoever_has_it(
    own: Client, client: Client, make_post: Posts, now: Any
) -> None:
    post = make_post(title="Secret", is_published=False, visibility="private")
    made = act(own, post, "preview")
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    assert set(made.json()) == {"url", "front_end_url", "token", "expires_at"}
    expires_at = datetime.datetime.fromisoformat(made.json()["expires_at"])
    assert abs(expires_at - now - HOUR) < datetime.timedelta(minutes=1)
    url = made.json()["url"]
    assert url.startswith("http://testserver/api/v2/previews/")
    answer = client.get(url)
    assert (answer.status_code, answer.json()["title"], answer.json()["status"]) == (200, "Secret", "draft")
    assert answer.json()["actions"] == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "ETag" not in answer.headers
    assert client.get(url, headers={"authorization": "Bearer nonsense"}).status_code == 200


def test_a_preview_follows_the_post_and_dies_when_it_is_trashed(
    client: Client, link: tuple[str, Post], now: Any
) -> None:
    url, post = link
    update_post(actor=SYSTEM, post=post, changes={"title": "Newer"}, now=now)
    assert client.get(url).json()["title"] == "Newer"
    trash_post(actor=SYSTEM, post=post, now=now)
    assert problem_of(client.get(url)) == (404, "not-found")


def test_a_preview_dies_with_its_maker_s_right_to_see_the_post(
    client: Client, link: tuple[str, Post], author: User, make_user: Callable[..., User], now: Any
) -> None:
    url = link[0]
    Post.objects.update(author=make_user("author"))
    assert client.get(url).status_code == 404
    Post.objects.update(author=author)
    assert client.get(url).status_code == 200
    deactivate_user(actor=SYSTEM, user=author, now=now)
    assert client.get(url).status_code == 404


def test_a_preview_expires_after_an_hour(
    client: Client, link: tuple[str, Post], author: User, now: datetime.datetime
) -> None:
    post = link[1]
    for age, status in ((datetime.timedelta(minutes=59), 200), (HOUR + datetime.timedelta(seconds=2), 404)):
        preview = previews.make_preview(actor=author, post=post, now=now - age)
        assert client.get(f"/api/v2/previews/{preview.token}").status_code == status


def test_a_link_that_was_tampered_with_shows_nothing(client: Client, link: tuple[str, Post], author: User) -> None:
    url = link[0]
    head, _, token = url.rpartition("/")
    for place in range(0, len(token), 5):
        other = "A" if token[place] != "A" else "B"
        assert client.get(f"{head}/{token[:place]}{other}{token[place + 1 :]}").status_code == 404
    for text in ("x", "é", "=", "A" * 75, f"{token}==", token[:-1], "%00", "..."):
        assert client.get(f"{head}/{text}").status_code == 404


def test_a_trashed_post_has_no_preview(own: Client, make_post: Posts, now: Any) -> None:
    post = trash_post(actor=SYSTEM, post=make_post(), now=now)
    assert problem_of(act(own, post, "preview")) == (409, "invalid-transition")


def test_tokens_of_another_secret_key_are_not_ours(settings: Any, link: tuple[str, Post], now: Any) -> None:
    token = link[0].rpartition("/")[2]
    assert preview_tokens.read_preview_token(token, now).post_id == link[1].pk
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(NotFound):
        preview_tokens.read_preview_token(token, now)


def test_a_preview_costs_two_queries(
    client: Client, link: tuple[str, Post], django_assert_num_queries: Callable[..., Any]
) -> None:
    with django_assert_num_queries(2):  # its maker, the post
        assert client.get(link[0]).status_code == 200
