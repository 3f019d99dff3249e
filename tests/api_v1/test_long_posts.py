"""Pages of long posts: as many posts as ever, sent one by one, and by one request at a time."""

import datetime
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api_v1.long_posts import LONG_ANSWERS
from canary.recording import recorder
from cms import limits
from cms.costs.bodies import PAGE_BYTES_MAX
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.search import reindex
from cms.services.api_keys import create_api_key, revoke_api_key, update_api_key
from cms.services.sessions import log_out, open_session
from cms.services.users import update_user
from cms.tokens.access import read_token
from tests.canary.seeing import fresh_recorder

WIDE: Final = "漢"
LONG: Final = WIDE * limits.CONTENT[1]
COUNT: Final = 5
AT_ONCE: Final = PAGE_BYTES_MAX // len(LONG.encode())
"""Posts for whose contents an answer has room: those after them are read one by one."""
PATHS: Final = ("/api/v1/posts?limit=100", "/api/v1/search?q=needle&limit=100", "/api/v1/search?q=needle&sort_by=title")


@pytest.fixture(autouse=True)
def long_posts(author: User) -> list[Post]:
    at = timezone.now() - datetime.timedelta(days=1)
    posts = [
        Post(title=f"Needle {number}", slug=f"long-{number}", content=f"{number}{LONG[1:]}", content_html="x")
        for number in range(COUNT)
    ]
    for number, post in enumerate(posts):
        post.author, post.status, post.published_at = author, "published", at + datetime.timedelta(minutes=number)
    return Post.objects.bulk_create(posts)


def body_of(answer: Any) -> Any:
    return json.loads(b"".join(answer.streaming_content))


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_all_posts_whole(anonymous: Client, long_posts: list[Post], path: str) -> None:
    if "search" in path:
        reindex()
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["X-Accel-Buffering"] == "no"
    data = body_of(answer)["data"]
    items = data.get("items") or data["hits"]
    assert {item["id"]: item["content"] for item in items} == {str(post.pk): post.content for post in long_posts}
    assert data["total"] == COUNT


def test_each_content_is_read_when_it_is_sent(anonymous: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        pieces = Client().get(PATHS[0]).streaming_content  # type: ignore[attr-defined]
        at_first = len(asked)
        assert max(map(len, pieces)) < (AT_ONCE + 1) * len(LONG.encode())
    assert len(asked) - at_first == COUNT - AT_ONCE


def test_one_request_at_a_time_gets_a_long_page_until_it_is_sent(anonymous: Client) -> None:
    first = Client().get(PATHS[0])
    refused = anonymous.get(PATHS[0])
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json()["error"] == "Service unavailable"
    assert anonymous.get("/api/v1/posts?limit=1").status_code == 200
    assert body_of(first)["success"]
    assert body_of(Client().get(PATHS[0]))["success"]


def test_head_takes_no_place(anonymous: Client) -> None:
    answer = Client().head(PATHS[0])
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"")  # type: ignore[attr-defined]
    assert LONG_ANSWERS.take()
    LONG_ANSWERS.give_back()


def test_a_post_that_is_hidden_meanwhile_is_sent_without_its_content(anonymous: Client) -> None:
    answer = Client().get(PATHS[0])
    Post.objects.update(status="draft")
    contents = [len(item["content"]) for item in body_of(answer)["data"]["items"]]
    assert contents == [len(LONG)] * AT_ONCE + [0] * (COUNT - AT_ONCE)


def test_admins_get_long_pages_too(admin: User) -> None:
    token = open_session(user=admin, now=timezone.now()).access_token
    answer = Client(headers={"authorization": f"Bearer {token}"}).get("/api/v1/admin/posts?limit=100")
    assert len(body_of(answer)["data"]["items"]) == COUNT


def by_token(user: User) -> tuple[Client, Callable[[], object]]:
    now = timezone.now()
    token = open_session(user=user, now=now).access_token
    end = partial(log_out, claims=read_token("access", token, now), now=now)
    return Client(headers={"authorization": f"Bearer {token}"}), end


def by_key(user: User) -> tuple[Client, Callable[[], object]]:
    fields: Any = {"name": "reader", "scopes": ["posts:read", "posts:write"]}
    issued = create_api_key(actor=user, owner=user, fields=fields, now=timezone.now())
    end = partial(revoke_api_key, actor=user, api_key=issued.api_key, now=timezone.now())
    return Client(headers={"x-api-key": issued.raw_key}), end


def by_browser(user: User) -> tuple[Client, Callable[[], object]]:
    client, other = Client(), Client()
    client.force_login(user)
    other.cookies = client.cookies
    return client, partial(other.post, "/admin/logout/")


type Door = Callable[[User], tuple[Client, Callable[[], object]]]
"""Return a client of the user, and what ends its credential."""
DOORS: Final[tuple[Door, ...]] = (by_token, by_key, by_browser)


def rest_of(answer: Any, long_posts: list[Post], change: Callable[[], object]) -> str:
    """Read as far as into the first content that is read by itself, make the change, and return what comes then.

    The contents of the other posts were written after it.
    """
    pieces = iter(answer.streaming_content)
    begun = [next(pieces), next(pieces)]
    change()
    Post.objects.filter(pk__in=[post.pk for post in long_posts]).update(content="written afterwards")
    rest = b"".join(pieces)
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join([*begun, rest]))
    return rest.decode()


@pytest.mark.parametrize("changes", [{"is_active": False}, {"role": "editor"}])
@pytest.mark.parametrize("door", DOORS)
def test_a_page_ends_when_its_reader_may_no_longer_read(
    make_user: Callable[..., User], admin: User, door: Door, changes: Any, long_posts: list[Post]
) -> None:
    Post.objects.update(status="draft")
    second = make_user("admin")
    client, _ = door(second)
    answer = client.get("/api/v1/admin/posts?limit=100")
    change = partial(update_user, actor=SYSTEM, user=second, changes=changes, now=timezone.now())
    assert "written afterwards" not in rest_of(answer, long_posts, change)
    assert LONG_ANSWERS.take()
    LONG_ANSWERS.give_back()


def test_a_page_that_ends_so_is_no_failure_of_v1(author: User, long_posts: list[Post]) -> None:
    client, end = by_token(author)
    with fresh_recorder():
        rest_of(client.get(PATHS[0]), long_posts, end)
        assert [seen.status for seen in recorder.queue.drain()] == [200]


@pytest.mark.parametrize(("door", "path"), [*((door, PATHS[0]) for door in DOORS), (by_token, PATHS[1])])
def test_a_page_ends_when_what_it_was_asked_for_with_has_ended(
    author: User, door: Door, path: str, long_posts: list[Post]
) -> None:
    Post.objects.update(visibility="private")
    if "search" in path:
        reindex()
    client, end = door(author)
    assert "written afterwards" not in rest_of(client.get(path), long_posts, end)


@pytest.mark.parametrize("change", [{"scopes": ["posts:write"]}, {"name": "renamed"}])
def test_a_key_keeps_its_page_while_it_has_the_scope(author: User, change: Any, long_posts: list[Post]) -> None:
    client, _ = by_key(author)
    api_key = author.api_keys.get()
    answer = client.get(PATHS[0])
    pieces = iter(answer.streaming_content)  # type: ignore[attr-defined]
    begun = next(pieces)
    update_api_key(actor=author, api_key=api_key, changes=change, now=timezone.now())
    assert (begun + b"".join(pieces)).endswith(b"}") == ("scopes" not in change)


@pytest.mark.parametrize("door", DOORS)
def test_a_page_goes_on_while_its_reader_stays_the_same(admin: User, door: Door) -> None:
    client, _ = door(admin)
    assert len(body_of(client.get("/api/v1/admin/posts?limit=100"))["data"]["items"]) == COUNT


@pytest.mark.parametrize("page", [2, 3])
def test_later_pages_are_bounded_too(anonymous: Client, long_posts: list[Post], page: int) -> None:
    answer = Client().get(f"/api/v1/posts?limit=2&page={page}&sort=title")
    items = answer.json()["data"]["items"]
    assert [item["content"][0] for item in items] == [str(number) for number in range(COUNT)][2 * page - 2 : 2 * page]
