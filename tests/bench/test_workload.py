"""The three arms of the workload answer it with the same posts, tags and comments, so that none is measured while failing."""

import datetime
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, override_settings
from django.test.client import ClientHandler
from django.utils import timezone

from cms.choices import Role
from cms.models import Post, Tag, User
from cms.policy import SYSTEM
from cms.services.sessions import open_session
from cms.services.users import create_user
from tests.bench.calls import READS, TAG, WORKLOAD, Call, Samples, Side, items_of, next_of
from tests.bench.peer_settings import MIDDLEWARE, urlconf

ARMS = ("v2", "drf", "ninja")


@pytest.fixture(scope="module")
def sides(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Side]]:
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("seed", "--posts", "60", "--comments", "60", "--force", verbosity=0)
        fields: Any = {"username": "writer", "email": "writer@example.org", "role": Role.AUTHOR}
        writer = create_user(actor=SYSTEM, fields=fields, password="a long enough pass-phrase", now=timezone.now())
        samples = samples_of(writer)
        tokens = {arm: send(arm, Call(f"/api/token/{writer.pk}"))["token"] for arm in ("drf", "ninja")}
        tokens["v2"] = open_session(user=writer, now=timezone.now()).access_token
        second = {arm: next_of(arm, send(arm, Side(arm, samples).first("list"))) for arm in ARMS}
        yield {arm: Side(arm, samples, tokens[arm], second[arm]) for arm in ARMS}
        transaction.set_rollback(True)


def samples_of(writer: User) -> Samples:
    """Three of the public posts become the writer's."""
    public = Post.objects.public(timezone.now()).posts().order_by("-published_at")
    own = [*public[3:6]]
    Post.objects.filter(pk__in=[post.pk for post in own]).update(author=writer)
    tags = Tag.objects.order_by("-usage_count").values_list("slug", flat=True)[:3]
    dates = [f"{public[place].published_at:%Y-%m-%dT%H:%M:%SZ}" for place in (30, 40)]
    ids = [str(post.pk) for post in own]
    return Samples([post.slug for post in public if post.comments.exists()], ids, ids, [*tags], dates, str(writer.pk))


class PeerHandler(ClientHandler):
    """Like a process of the peer's own, with its URLs and middleware."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._urlconf = urlconf(name)
        with override_settings(MIDDLEWARE=MIDDLEWARE):
            self.load_middleware()

    def get_response(self, request: Any) -> Any:
        request.urlconf = self._urlconf
        return super().get_response(request)


@cache
def client_of(arm: str) -> Client:
    client = Client()
    if arm != "v2":
        client.handler = PeerHandler(arm)
    return client


def send(arm: str, call: Call) -> Any:
    headers = {"authorization": f"Bearer {call.token}"} if call.token else {}
    given: Any = {} if call.body is None else {"data": json.dumps(call.body), "content_type": "application/json"}
    with override_settings(PUBLIC_CACHE_MB=0):
        answer = client_of(arm).generic(call.method, call.path, headers=headers, **given)
    assert 200 <= answer.status_code < 300, (arm, call.path, answer.status_code, answer.content)
    return answer.json()


def answers(sides: dict[str, Side], operation: str, *, is_signed: bool) -> dict[str, Any]:
    return {arm: send(arm, side.first(operation, is_signed=is_signed)) for arm, side in sides.items()}


def seen(arm: str, one: Any) -> tuple[str, ...]:
    return one["id"], one.get("title") or one.get("name") or one["text"]


@pytest.mark.parametrize("is_signed", [False, True], ids=["anonymous", "writer"])
@pytest.mark.parametrize("operation", [*(name for name in READS if name != "detail"), "comments"])
def test_lists_hold_the_same(sides: dict[str, Side], db: None, operation: str, is_signed: bool) -> None:
    found = answers(sides, operation, is_signed=is_signed)
    v2, drf, ninja = ([seen(arm, one) for one in items_of(arm, body)] for arm, body in found.items())
    assert v2
    assert v2 == drf == ninja
    if operation == "include":
        included = {one["id"]: one["username"] for one in found["v2"]["included"]["authors"]}
        for arm in ("drf", "ninja"):
            assert {one["author"]["id"]: one["author"]["username"] for one in found[arm]["results"]} == included


@pytest.mark.parametrize("is_signed", [False, True], ids=["anonymous", "writer"])
def test_a_post_is_the_same(sides: dict[str, Side], db: None, is_signed: bool) -> None:
    v2, drf, ninja = answers(sides, "detail", is_signed=is_signed).values()
    for name in drf:
        if not name.startswith("meta_"):
            assert _plain(name, drf[name]) == _plain(name, ninja[name]) == _plain(name, v2[name])


def _plain(name: str, value: Any) -> Any:
    """Instants are written in several ways, and relations have no order."""
    if name.endswith("_at"):
        return datetime.datetime.fromisoformat(value)
    return sorted(value) if isinstance(value, list) else value


def test_searches_find_the_same(sides: dict[str, Side], db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the peers search PostgreSQL's index")
    found = answers(sides, "search", is_signed=False)
    v2 = {hit["post"]["id"] for hit in found["v2"]["data"]}
    assert v2
    assert v2 == {one["id"] for one in found["drf"]["results"]} == {one["id"] for one in found["ninja"]["results"]}


@pytest.mark.parametrize("operation", ["create", "edit", "comment"])
def test_writes_are_kept(sides: dict[str, Side], db: None, operation: str) -> None:
    for arm, side in sides.items():
        call = side.first(operation)
        written = send(arm, call)
        for name, value in call.body.items():
            assert name == "tags" or written[name] == value
        if operation == "create":
            assert [tag.name for tag in Post.objects.get(pk=written["id"]).tags.all()] == [TAG]


def test_a_token_that_nobody_signed_is_refused(sides: dict[str, Side], db: None) -> None:
    for arm in ARMS:
        with pytest.raises(AssertionError, match=", 401, "):
            send(arm, Call(sides[arm].first("list").path, token="nobody.signed.it"))


def test_of_a_hundred_requests_each_kind_has_its_share() -> None:
    shares = {(who, name): share for who, kinds in WORKLOAD.items() for name, share in kinds.items()}
    assert sum(shares.values()) == pytest.approx(100)
    assert sum(shares["anonymous", name] for name in READS) == pytest.approx(60)
    assert sum(shares["writer", name] for name in READS) == pytest.approx(25)
    assert shares["anonymous", "search"] == 5
    assert shares["anonymous", "comments"] + shares["writer", "comment"] == 5
    assert (shares["writer", "edit"], shares["writer", "create"]) == (4, 1)


def test_both_peers_are_asked_for_the_same_in_the_same_order() -> None:
    samples = Samples(
        [f"post-{number}" for number in range(1_000)], ["1"], ["2"], ["tea"], ["2026-01-01T00:00:00Z"], "3"
    )
    drf, ninja = ([*islice(Side(arm, samples, "token", "/next").workload(), 2_000)] for arm in ("drf", "ninja"))
    assert [(call.method, call.path) for call in drf] == [(call.method, call.path) for call in ninja]
    read = Counter(call.path for call in drf if call.path.startswith("/api/posts/post-"))
    assert read["/api/posts/post-0"] > 4 * read["/api/posts/post-9"] > 0
