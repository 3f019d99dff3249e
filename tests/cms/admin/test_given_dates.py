"""Dates that somebody gives: any year that a form or a client can say, and every page goes on."""

import datetime
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from cms import clock
from cms.models import ApiKey, Post, User
from cms.services.api_keys import create_api_key
from tests.api_v2.sending import codes_of, send

FAR = [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T23:59", "America/Los_Angeles")]
OF_CLIENTS = ["0001-01-01T00:00:00Z", "1899-12-31T00:00:00Z", "9999-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
EDGES = [
    datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(9998, 12, 31, 23, 59, tzinfo=datetime.UTC),
]
OUTSIDE = "The year is outside 1900 to 9998."
ZONES = ["Asia/Tokyo", "America/Los_Angeles"]


@pytest.mark.parametrize(("given", "zone"), FAR)
def test_a_post_is_published_in_no_year_that_cannot_be_read_again(
    author: User, signed_in: Any, send_form: Any, make_post: Callable[..., Post], given: str, zone: str
) -> None:
    User.objects.filter(pk=author.pk).update(time_zone=zone)
    post = make_post(is_published=False)
    page = send_form(
        signed_in(author), f"/admin/cms/post/{post.pk}/change/", button="_publish", publish_at=given, title="After"
    )
    assert OUTSIDE in str(page.context["adminform"].form.errors)
    post.refresh_from_db()
    assert (post.published_at, post.status, post.title) == (None, "draft", "A post")


@pytest.mark.parametrize("given", OF_CLIENTS)
def test_clients_hear_which_years_there_are(
    author: User, client_of: Callable[[User], Client], make_post: Callable[..., Post], given: str
) -> None:
    client, post = client_of(author), make_post(is_published=False)
    publishing = send(client, "post", f"/posts/{post.pk}/actions/publish", {"published_at": given})
    assert codes_of(publishing) == [("/published_at", "out_of_range")]
    key = {"name": "A", "scopes": ["posts:read"], "expires_at": given}
    assert ("/expires_at", "out_of_range") in codes_of(send(client, "post", "/api-keys", key))
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("zone", ZONES)
def test_staff_in_every_zone_see_the_first_and_the_last_instant(
    author: User, admin: User, client_of: Callable[[User], Client], signed_in: Any, make_post: Any, zone: str
) -> None:
    User.objects.filter(pk=admin.pk).update(time_zone=zone)
    posts = [make_post(published_at=edge) for edge in EDGES]
    fields: Any = {"name": "A", "scopes": ["posts:read"], "expires_at": EDGES[1]}
    key = create_api_key(actor=author, owner=author, fields=fields, now=timezone.now()).api_key
    pages = ["", "cms/post/", "cms/apikey/", f"cms/apikey/{key.pk}/change/"]
    client = signed_in(admin)
    for page in [*pages, *(f"cms/post/{post.pk}/change/" for post in posts)]:
        assert client.get(f"/admin/{page}").status_code == 200, page


@pytest.fixture
def unreadable(author: User, make_post: Callable[..., Post]) -> Post:
    if connection.vendor != "postgresql":
        pytest.skip("of PostgreSQL")
    post = make_post()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cms_post SET published_at = '0001-12-31 14:41:01+00 BC', expires_at = '10000-01-01'")
    return post


def test_an_instant_that_nobody_could_read_is_moved(unreadable: Post, client: Client) -> None:
    move = import_module("cms.migrations.0036_readable_instants").move
    with connection.schema_editor() as editor:
        move(apps, editor)
    unreadable.refresh_from_db()
    assert (unreadable.published_at.year, unreadable.expires_at.year) == (1900, 9998)
    assert unreadable.is_public(clock.now())
    assert client.get("/api/v1/posts").status_code == 200
