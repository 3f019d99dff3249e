"""The end of v1 as its clients meet it: headers that name the day and the successor, and 410 with the way to v2."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from canary import services as rollouts
from canary.core.lifecycle import DAY_S, iso
from canary.core.mapping import Declared, compare
from canary.core.values import Decision
from canary.retiring import life
from canary.retiring.successors import declared_successors
from canary.services import life as services
from canary.state import store
from cms.models import Category, Comment, Tag, User
from cms.seeding.demo import seed_demo
from cms.services.api_keys import create_api_key
from tests.canary.headers import parse_http_date, parse_links, parse_structured_date, title_of_link

HOST = "http://testserver"
GUIDE = f"{HOST}/api/v2/docs/v1-to-v2"
DATES = ("Deprecation", "Sunset")
UNKNOWN = "0199a3c2-5b1e-7c40-9d3f-2f6a1c0e8b57"


def changed() -> dict[str, Any]:
    return {"actor": "cli:test", "reason": "the end", "expected_version": None, "now": timezone.now()}


def deprecate() -> int:
    sunset_at = int(time.time()) + 90 * DAY_S
    services.deprecate(sunset_at=sunset_at, is_override=True, **changed())
    store.refresh()
    return sunset_at


def begin_brownout() -> int:
    """Deprecated, and switched off for an hour; when it ends."""
    deprecate()
    end = int(time.time()) + 3_600
    services.add_brownout(window=(end - 3_600, end), is_override=True, **changed())
    store.refresh()
    return end


def end_for_good() -> None:
    deprecate()
    services.sunset(is_override=True, **changed())
    store.refresh()


def rows() -> Iterator[Any]:
    declared = declared_successors()
    assert declared is not None
    yield from (row for some in declared.routes.values() for _, row in some)


def row_of(source: str) -> Any:
    return next(row for row in rows() if f"{row['method']} {row['path']}" == source)


def values_for(path: str, user: User) -> dict[str, str]:
    """Values for a path, so that v1 answers it with a resource that has something in it."""
    if path.startswith("/users"):
        return {"uuid": str(user.pk)}
    if path.startswith("/tags"):
        return {"slug": Tag.objects.filter(usage_count__gt=0).order_by("slug")[0].slug}
    if path.startswith("/categories"):
        return {"slug": Category.objects.order_by("slug")[0].slug}
    return {"uuid": str(Comment.objects.filter(status="published", post__status="published").order_by("pk")[0].post.pk)}


def assert_dated(response: Any) -> dict[str, str]:
    """Both dates are there and in order, and the guide is linked; all links by relation."""
    assert parse_http_date(response["Sunset"]) >= parse_structured_date(response["Deprecation"])
    links = parse_links(response["Link"])
    assert (links["deprecation"], links["sunset"]) == (GUIDE, f"{GUIDE}#sunset")
    return links


@pytest.fixture
def admin(admin: User) -> User:
    """Return the admin of a site with content, who has an API key."""
    seed_demo(password=None, now=timezone.now())
    create_api_key(actor=admin, owner=admin, fields={"name": "K", "scopes": ["posts:read"]}, now=timezone.now())
    return admin


# -- deprecated -------------------------------------------------------------------------------------------------------


def test_the_successor_of_every_read_answers_with_the_same_resource(
    admin: User, client_of: Callable[[User], Client]
) -> None:
    deprecate()
    client, declared, compared = client_of(admin), declared_successors(), 0
    assert isinstance(declared, Declared)
    asked = {"/search": {"q": "the"}, "/search/suggest": {"prefix": "a"}, "/posts": {"limit": "3", "sort": "title"}}
    for row in (row for row in rows() if row["method"] == "GET"):
        path, query = row["path"].format(**values_for(row["path"], admin)), asked.get(row["path"], {})
        old = client.get(f"/api/v1{path}", query)
        links = assert_dated(old)
        assert parse_links(client.get(f"/api{path}", query)["Link"]) == links
        assert ("successor-version" in links) == (row["call"] is not None), row["path"]
        if row["call"] is None:
            continue
        target = links["successor-version"].removeprefix(HOST)
        is_counted = any(answer["shape"] in ("page", "search") for answer in row["answers"])
        new = client.get(f"{target}{'&' if '?' in target else '?'}count=exact" if is_counted else target)
        assert (new.status_code, new["API-Version"]) == (200, "2"), (target, new.content)
        assert not (row["answers"] and compare(declared, row, old.json(), new.json())), target
        compared += bool(row["answers"])
    assert compared >= 13


@pytest.mark.usefixtures("db")
def test_every_call_of_v1_is_dated_and_led_to_its_successor_whatever_it_answers() -> None:
    deprecate()
    statuses = set()
    for row in rows():
        path = row["path"].format(uuid=UNKNOWN, slug="none")
        response = Client().generic(row["method"], f"/api/v1{path}", b"{}", "application/json")
        links = assert_dated(response)
        assert ("successor-version" in links) == (row["call"] is not None), row["path"]
        statuses.add(response.status_code)
    assert statuses >= {200, 401, 404, 422}


def test_the_successor_of_a_write_is_the_resource_of_its_address(author: User) -> None:
    deprecate()
    paths = {
        "PUT /users/{uuid}": "/users/{uuid}",
        "DELETE /users/{uuid}": "/users/{uuid}",  # not the action that takes DELETE's place
        "DELETE /admin/posts/{uuid}": "/posts/{uuid}",
        "POST /auth/login": "/auth/token",
    }
    for source, target in paths.items():
        method, _, path = source.partition(" ")
        response = Client().generic(method, f"/api/v1{path.format(uuid=author.pk)}?x=1")
        successor = parse_links(response["Link"])["successor-version"]
        assert successor.partition("?")[0] == f"{HOST}/api/v2{target.format(uuid=author.pk)}"


@pytest.mark.usefixtures("db")
def test_a_successor_that_no_request_line_holds_is_not_named() -> None:
    deprecate()
    for length, is_named in ((2_000, True), (4_000, False)):
        links = assert_dated(Client().get("/api/v1/posts", QUERY_STRING=f"tag={'!' * length}"))
        assert ("successor-version" in links) is is_named


@pytest.mark.usefixtures("db")
def test_errors_head_and_options_are_dated_too() -> None:
    deprecate()
    client = Client(raise_request_exception=False)
    answers = [
        client.get("/api/v1/nowhere"),
        client.get("/api/v1/posts/not-an-id"),
        client.delete("/api/v1/tags"),
        client.post("/api/v1/auth/login", b"{", content_type="application/json"),
        client.get("/api/v1/users"),
        client.head("/api/v1/posts"),
        client.options("/api/v1/posts"),
    ]
    assert [answer.status_code for answer in answers] == [404, 400, 405, 400, 401, 200, 204]
    has_successor = ["successor-version" in assert_dated(answer) for answer in answers]
    assert has_successor == [False, True, True, True, True, True, True]


@pytest.mark.usefixtures("db")
def test_an_unserved_host_is_never_told_back() -> None:
    deprecate()
    refused = Client().get("/api/v1/posts", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert parse_links(refused["Link"])["successor-version"].startswith("/api/v2/posts?")
    end_for_good()
    gone = Client().get("/api/v1/posts", headers={"host": "evil.example"})
    assert (gone.status_code, gone.json()["equivalent"]["url"][:14]) == (410, "/api/v2/posts?")
    assert b"evil" not in gone.content


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("asked", "kept", "left_out"),
    [
        ("/posts?page=3&limit=2&sort=title&tag=light", {"limit": "2", "sort": "title", "tag": "light"}, "page"),
        ("/search?q=a&offset=20&limit=5", {"q": "a", "limit": "5"}, "offset"),
        ("/tags?page=1&limit=2", {"limit": "2"}, None),
        ("/posts", {}, None),
    ],
)
def test_a_later_page_is_led_to_the_first_one_of_the_same_list_and_says_so(
    asked: str, kept: dict[str, str], left_out: str | None
) -> None:
    """v2 turns pages by cursors, which no number tells."""
    deprecate()
    link = Client().get(f"/api/v1{asked}")["Link"]
    end_for_good()
    gone = Client().get(f"/api/v1{asked}")
    way, target = gone.json()["equivalent"], parse_links(link)["successor-version"]
    assert (way["url"], parse_links(gone["Link"])["successor-version"]) == (target, target)
    query = dict(parse_qsl(target.partition("?")[2]))
    assert kept.items() <= query.items()
    assert not query.keys() & {"page", "offset"}
    assert title_of_link(link, "successor-version") == ("first page" if left_out else None)
    assert way.get("page", "").startswith(f"v2 takes no `{left_out}`: this is the first page" if left_out else "")
    assert ("page" in way) == bool(left_out)


@pytest.mark.usefixtures("db")
def test_a_restored_v1_names_its_announced_end_again_or_none_when_that_is_over() -> None:
    sunset_at = deprecate()
    services.sunset(is_override=True, **changed())
    services.restore(**changed())
    store.refresh()
    assert parse_http_date(Client().get("/api/v1/posts")["Sunset"]) == sunset_at
    services.sunset(is_override=True, **changed())
    services.restore(**{**changed(), "now": timezone.now() + timedelta(days=91)})
    store.refresh()
    answer = Client().get("/api/v1/posts")
    assert (answer.status_code, "Deprecation" in answer, "Sunset" in answer) == (200, True, False)
    assert parse_links(answer["Link"]).keys() >= {"deprecation", "sunset"}


@pytest.mark.usefixtures("db")
def test_only_v1_is_dated_and_only_when_it_is_deprecated() -> None:
    assert not [name for name in (*DATES, "Link") if name in Client().get("/api/v1/posts")]
    deprecate()
    answers = [Client().get("/api/v2/posts"), Client().get("/api/posts", headers={"api-version": "2"})]
    assert not [name for answer in answers for name in DATES if name in answer]
    assert "Deprecation" in Client().get("/api/posts")


@pytest.mark.usefixtures("db")
def test_links_that_are_there_already_are_kept() -> None:
    deprecate()
    response = HttpResponse(headers={"Link": '</api/v1/posts?page=2>; rel="next"'})
    request = RequestFactory().get("/api/v1/posts")
    life.describe(request, response, Decision(1, "pinned"), store.current_snapshot())
    assert list(parse_links(response["Link"])) == ["next", "deprecation", "sunset", "successor-version"]


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("name", ["a>b", "é", "%0a", "a b", '"', "..", "%2F"])
def test_a_path_can_not_break_out_of_its_link(name: str) -> None:
    deprecate()
    links = parse_links(Client().get(f"/api/v1/tags/{name}")["Link"])
    assert links.keys() >= {"deprecation", "sunset"}


@pytest.mark.usefixtures("db")
def test_nothing_leads_into_v2_while_it_is_switched_off(settings: Any) -> None:
    deprecate()
    settings.CANARY = {**settings.CANARY, "IS_V2_ENABLED": False}
    store.refresh()
    answer = Client().get("/api/v1/posts")
    assert ("Deprecation" in answer, "Link" in answer) == (True, False)


# -- switched off -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("db")
def test_in_a_brownout_whoever_asks_for_v1_by_name_gets_410_and_all_others_v2() -> None:
    end = begin_brownout()
    pinned, named = Client().get("/api/v1/posts"), Client().get("/api/posts", headers={"api-version": "1"})
    for answer in (pinned, named):
        assert (answer.status_code, answer["Content-Type"]) == (410, "application/problem+json")
        assert "no-store" in answer["Cache-Control"]
        assert_dated(answer)
        body = answer.json()
        assert (body["status"], body["phase"], body["ends_at"]) == (410, "brownout", iso(end))
        assert (body["type"], body["migration"]) == ("urn:problem-type:tandem:api-v1-brownout", GUIDE)
        assert body["equivalent"] == {
            "method": "GET",
            "url": f"{HOST}/api/v2/posts?sort=-created_at&include=tags,categories",
        }
    split = Client().get("/api/posts", headers={"x-canary-debug": "1"})
    assert (pinned["Cache-Control"], split.status_code, split["API-Version"]) == ("no-store", 200, "2")


@pytest.mark.usefixtures("db")
def test_a_brownout_ends_by_one_call() -> None:
    begin_brownout()
    services.end_brownout(**changed())
    store.refresh()
    assert Client().get("/api/v1/posts").status_code == 200
    assert Client().get("/api/posts")["API-Version"] == "1"


@pytest.mark.usefixtures("db")
def test_after_the_sunset_v1_is_410_until_it_is_restored() -> None:
    end_for_good()
    gone = Client().get("/api/v1/posts")
    body = gone.json()
    assert (gone.status_code, body["phase"], body["ends_at"]) == (410, "sunset", None)
    assert_dated(gone)
    assert Client().get("/api/posts")["API-Version"] == "2"
    services.restore(**changed())
    store.refresh()
    back = Client().get("/api/v1/posts")
    assert back.status_code == 200
    assert_dated(back)


def test_every_refusal_tells_the_request_that_works_or_why_there_is_none(
    make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    begin_brownout()
    client, guide = client_of(make_user("admin")), Client().get("/api/v2/docs/v1-to-v2").content.decode()
    for row in rows():
        path = row["path"].format(uuid=UNKNOWN, slug="none")
        body = client.generic(row["method"], f"/api/v1{path}?q=a&prefix=a", b"{}", "application/json").json()
        if row["call"] is None:
            assert (body["equivalent"], body["no_equivalent"]) == (None, row["gap"])
            continue
        way = body["equivalent"]
        assert (way["method"], "body" in way) == (row["call"]["method"], row["body"] is not None)
        if "body" in way:
            assert f'id="{way["body"].removeprefix(f"{GUIDE}#")}"' in guide
        if way["method"] == "GET":
            status = client.get(way["url"].removeprefix(HOST)).status_code
            assert status == (404 if "{" in row["path"] else 200), way["url"]


@pytest.mark.usefixtures("db")
def test_what_v1_never_had_is_refused_with_a_sentence_and_head_and_options_too() -> None:
    begin_brownout()
    for method, path in (("GET", "/nowhere"), ("PATCH", "/posts"), ("GET", "")):
        answer = Client().generic(method, f"/api/v1{path}")
        body = answer.json()
        assert answer.status_code == 410
        assert bool(body.get("no_equivalent")) != bool(body["equivalent"])
    for method in ("HEAD", "OPTIONS"):
        assert Client().generic(method, "/api/v1/posts").status_code == 410


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("headers", "consumer"),
    [({"x-api-key": "KEY"}, "key:"), ({"x-client-id": "reader-7"}, "client:reader-7"), ({}, None)],
    ids=str,
)
def test_a_refusal_says_whom_it_takes_the_caller_for(
    make_user: Callable[..., User], headers: dict[str, str], consumer: str | None
) -> None:
    owner = make_user("author")
    fields = {"name": "K", "scopes": ["posts:read"]}
    raw = create_api_key(actor=owner, owner=owner, fields=fields, now=timezone.now()).raw_key
    end_for_good()
    sent = {name: raw if value == "KEY" else value for name, value in headers.items()}
    told = Client().get("/api/v1/posts", headers=sent).json()["consumer"]
    assert told == consumer or (consumer == "key:" and told.startswith("key:") and raw not in told)


@pytest.mark.usefixtures("db")
def test_switched_off_by_the_environment_is_as_after_a_sunset(settings: Any) -> None:
    settings.CANARY = {**django_settings.CANARY, "IS_V1_ENABLED": False}
    store.refresh()
    gone = Client().get("/api/v1/posts")
    body = gone.json()
    assert (gone.status_code, body["phase"], body["type"]) == (410, "sunset", "urn:problem-type:tandem:api-v1-gone")
    assert body["equivalent"]["url"].startswith(f"{HOST}/api/v2/posts")
    assert not [name for name in DATES if name in gone]  # nobody has set a date
    assert (gone["Cache-Control"], Client().get("/api/posts")["API-Version"]) == ("private, no-cache", "2")


@pytest.mark.usefixtures("db")
def test_switched_off_by_the_environment_nothing_promises_its_return(settings: Any) -> None:
    begin_brownout()
    settings.CANARY = {**django_settings.CANARY, "IS_V1_ENABLED": False}
    store.refresh()
    body = Client().get("/api/v1/posts").json()
    assert (body["phase"], body["ends_at"], "again" in body["detail"]) == ("sunset", None, False)


@pytest.mark.usefixtures("db")
def test_a_deleted_v1_is_refused_without_its_data(settings: Any) -> None:
    without = {name: value for name, value in django_settings.CANARY.items() if name != "SUCCESSORS"}
    settings.CANARY = {**without, "ARMS": {2: "api_v2.root_urls"}}
    store.refresh()
    body = Client().get("/api/v1/posts").json()
    assert (body["phase"], body["migration"], body["equivalent"]) == ("removed", f"{HOST}/api/v2/docs", None)
    assert "v2" in body["no_equivalent"]


@pytest.mark.usefixtures("db")
def test_a_rollback_ends_what_a_brownout_does() -> None:
    begin_brownout()
    rollouts.roll_back(reason="v2 fails", actor="cli:test", now=timezone.now())
    store.refresh()
    assert Client().get("/api/posts")["API-Version"] == "1"
    assert Client().get("/api/v1/posts").status_code == 200
