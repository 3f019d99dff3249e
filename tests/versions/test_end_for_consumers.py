"""The end of v1 for single consumers as they meet it: extensions, brownouts of their own, and what strangers get."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from canary import services as rollouts
from canary.core.lifecycle import DAY_S, NOTICE_DAYS, OwnWindow, iso
from canary.core.values import parse_identity
from canary.models import RolloutEvent
from canary.recording import flushing
from canary.reporting.history import first_broken_version
from canary.requests.identity import COOKIE, write_cookie
from canary.services import life as services
from canary.state import store
from cms.models import User
from cms.services.api_keys import create_api_key
from cms.services.sessions import open_session
from tests.canary.headers import parse_http_date, parse_structured_date
from tests.canary.seeing import fresh_recorder

POSTS = "/api/v1/posts"


class Consumer(NamedTuple):
    name: str
    headers: dict[str, str]


def changed() -> dict[str, Any]:
    return {"actor": "cli:test", "reason": "iOS ships in March", "expected_version": None, "now": timezone.now()}


def deprecate() -> int:
    sunset_at = int(time.time()) + 90 * DAY_S
    services.deprecate(sunset_at=sunset_at, is_override=True, **changed())
    store.refresh()
    return sunset_at


def change(service: Callable[..., Any], **arguments: Any) -> None:
    service(**changed(), **arguments)
    store.refresh()


def get(path: str, consumer: Consumer | None = None, **headers: str) -> Any:
    return Client().get(path, headers={**(consumer.headers if consumer else {}), **headers})


@pytest.fixture
def ios(admin: User) -> Consumer:
    fields: Any = {"name": "mobile-ios", "scopes": ["posts:read"]}
    issued = create_api_key(actor=admin, owner=admin, fields=fields, now=timezone.now())
    return Consumer(f"key:{issued.api_key.prefix}", {"x-api-key": issued.raw_key})


@pytest.fixture
def author_of(author: User) -> Consumer:
    token = open_session(user=author, now=timezone.now()).access_token
    return Consumer(f"user:{author.pk}", {"authorization": f"Bearer {token}"})


def test_until_its_date_v1_answers_the_extended_consumer_alone(ios: Consumer, author_of: Consumer) -> None:
    sunset_at = deprecate()
    until = sunset_at + 30 * DAY_S
    change(services.extend, consumer=ios.name, until=until)
    before = [get(POSTS, one) for one in (ios, author_of, None)]
    assert [parse_http_date(one["Sunset"]) for one in before] == [until, sunset_at, sunset_at]
    change(services.sunset, is_override=True)
    kept, other, stranger = (get(POSTS, one) for one in (ios, author_of, None))
    assert (kept.status_code, other.status_code, stranger.status_code) == (200, 410, 410)
    assert parse_http_date(kept["Sunset"]) == until
    assert parse_structured_date(kept["Deprecation"]) <= time.time()
    assert parse_http_date(other["Sunset"]) <= time.time()
    assert kept["Cache-Control"] == "private, no-cache"
    asked = get("/api/posts", ios, **{"api-version": "1"})
    assert (asked.status_code, asked["API-Version"]) == (200, "1")
    change(services.extend, consumer=ios.name, until=None)
    assert get(POSTS, ios).status_code == 410


def test_an_extended_consumer_keeps_the_version_that_it_had_on_the_entrance(ios: Consumer) -> None:
    deprecate()
    change(services.extend, consumer=ios.name, until=int(time.time()) + 99 * DAY_S)
    change(services.sunset, is_override=True)  # with v2 at 0 %: it was on v1
    assert get("/api/posts", ios)["API-Version"] == "1"
    assert get("/api/posts")["API-Version"] == "2"
    change(rollouts.set_weight, weight_bp=10_000)
    assert get("/api/posts", ios)["API-Version"] == "2"


def test_nobody_gets_an_extension_by_a_name_that_is_made_up(ios: Consumer, author_of: Consumer) -> None:
    deprecate()
    for consumer in (ios, author_of):
        change(services.extend, consumer=consumer.name, until=int(time.time()) + 99 * DAY_S)
    change(services.sunset, is_override=True)
    made_up = {"x-api-key": f"{ios.headers['x-api-key'][:-4]}aaaa"}
    assert get(POSTS, **made_up).status_code == 401
    assert get(POSTS, **{"x-client-id": ios.name.partition(":")[2]}).status_code == 410
    assert get(POSTS, authorization=f"{author_of.headers['authorization'][:-4]}0000").status_code == 410
    signed, response = Client(), HttpResponse()
    write_cookie(response, parse_identity(ios.name))  # as earlier releases did for any key
    signed.cookies[COOKIE] = response.cookies[COOKIE].value
    assert signed.get(POSTS).status_code == 410
    assert signed.get("/api/posts")["API-Version"] == "2"
    refused = signed.get("/api/posts", headers={"api-version": "1"})
    assert (refused.status_code, refused.json()["consumer"]) == (410, None)


def test_a_brownout_of_one_consumer_hits_its_calls_alone(ios: Consumer, author_of: Consumer) -> None:
    deprecate()
    now = int(time.time())
    change(services.add_own_brownout, own=OwnWindow(ios.name, now, now + 3_600), is_override=True)
    hit = get(POSTS, ios)
    body = hit.json()
    assert (hit.status_code, body["phase"], body["consumer"]) == (410, "brownout", ios.name)
    assert (body["ends_at"], hit["Cache-Control"]) == (iso(now + 3_600), "no-store")
    assert get("/api/posts", ios)["API-Version"] == "2"
    assert get("/api/posts", ios, **{"api-version": "1"}).status_code == 410
    assert [get(POSTS, one).status_code for one in (author_of, None)] == [200, 200]
    assert get("/api/posts", author_of)["API-Version"] == "1"
    change(services.end_brownout, consumer=ios.name)
    assert get(POSTS, ios).status_code == 200


def test_a_client_that_names_itself_can_have_a_brownout_and_no_extension(admin: User) -> None:
    deprecate()
    now = int(time.time())
    change(services.add_own_brownout, own=OwnWindow("client:app", now, now + 3_600), is_override=True)
    assert [get(POSTS, **{"x-client-id": name}).status_code for name in ("app", "other")] == [410, 200]
    with pytest.raises(Exception, match="Anybody can send the name client:app"):
        change(services.extend, consumer="client:app", until=now + 99 * DAY_S)


def test_those_whom_nobody_told_are_answered_until_the_notice_days_after_they_were(
    ios: Consumer, author_of: Consumer
) -> None:
    with fresh_recorder():
        deprecate()
        get(POSTS, author_of)
        flushing.flush()
        change(services.notify)
        get(POSTS, ios)
        get(POSTS, **{"x-client-id": "app"})
        flushing.flush()
        change(services.sunset, is_override=True, is_told_only=True)
        untold, told, named = get(POSTS, ios), get(POSTS, author_of), get(POSTS, **{"x-client-id": "app"})
        assert (untold.status_code, told.status_code, named.status_code) == (200, 410, 410)
        assert "Sunset" not in untold
        skipped = [one["sentence"] for one in (RolloutEvent.objects.latest("version").evidence or {})["skipped"]]
        assert not any(sentence.startswith("Not notified yet") for sentence in skipped)
        change(services.notify)
        due = int(RolloutEvent.objects.latest("version").at.timestamp()) + NOTICE_DAYS * DAY_S
        assert parse_http_date(get(POSTS, ios)["Sunset"]) == due
        assert first_broken_version() is None
