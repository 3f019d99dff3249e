import csv
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.admin.audit import EXPORTED_AT_ONCE, HEADER
from cms.models import AuditEvent, User
from cms.policy import SYSTEM
from cms.services.audit import record_event
from cms.services.posts import create_post
from cms.services.tags import create_tag, delete_tag
from cms.services.users import update_user

LIST, EXPORT = "/admin/cms/auditevent/", "/admin/cms/auditevent/export/"
MANY: Final = 3 * EXPORTED_AT_ONCE


@pytest.fixture
def client(admin: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(admin)


def _post(title: str, author: User) -> Any:
    fields: Any = {"title": title, "content": "x"}
    return create_post(actor=author, fields=fields, now=timezone.now())


def test_events_have_names_and_links_in_place_of_ids(client: Client, author: User) -> None:
    post = _post("Harbour notes", author)
    tag = create_tag(actor=SYSTEM, fields={"name": "gone"}, now=timezone.now())
    delete_tag(actor=SYSTEM, tag=tag)
    page = client.get(f"{LIST}?object_type=post").content.decode()
    assert f'<a href="/admin/cms/post/{post.pk}/change/">' in page
    assert "Harbour notes" in page
    assert str(tag.pk) not in client.get(f"{LIST}?object_type=tag").content.decode()
    event = AuditEvent.objects.get(action="post.created")
    assert "Harbour notes" in client.get(f"{LIST}{event.pk}/change/").content.decode()


def test_ids_among_the_values_of_an_event_are_named_too(client: Client, author: User, admin: User) -> None:
    after = {"author": str(author.pk), "co_authors": [str(admin.pk)], "count": 2}
    event = record_event(SYSTEM, "post.noted", _post("x", author), before={}, after=after)
    page = client.get(f"{LIST}{event.pk}/change/").content.decode()
    assert f"author: {author.username}" in page
    assert str(author.pk) not in page.split("co_authors")[1].split("count")[0]


def test_the_number_of_queries_does_not_grow_with_the_events(client: Client, author: User) -> None:
    _post("first", author)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(5):
        _post(f"post {number}", author)
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few)


@pytest.mark.parametrize("title", ["=HYPERLINK(1)", "＝1+1", "|calc", "%a", "＠x"])
def test_what_the_filters_leave_is_exported(title: str, client: Client, author: User) -> None:
    _post(title, author)
    create_tag(actor=SYSTEM, fields={"name": "other"}, now=timezone.now())
    response = client.get(f"{EXPORT}?deed=content&object_type=post")
    header, *rows = csv.reader(b"".join(response.streaming_content).decode().splitlines())  # type: ignore[attr-defined]
    assert tuple(header) == HEADER
    [row] = [dict(zip(header, row, strict=True)) for row in rows]
    assert (row["action"], row["object"], row["actor"]) == ("post.created", f"'{title}", author.username)
    assert "attachment" in response.headers["Content-Disposition"]


@pytest.mark.parametrize("query", ["created_at__gte=x", "created_at__gte=2026-13-45", "created_at__lt=-1", "q=%00"])
def test_a_filter_that_no_list_takes_is_no_error_of_the_export(query: str, client: Client) -> None:
    asked = client.get(f"{EXPORT}?{query}", follow=True)
    assert asked.status_code == 200
    b"".join(asked) if asked.streaming else asked.content


def test_the_audit_trail_is_exported_by_admins_alone(editor: User, signed_in: Callable[[User], Client]) -> None:
    assert signed_in(editor).get(EXPORT).status_code == 403


@pytest.fixture
def many_events(author: User) -> None:
    noted = {"action": "post.noted", "object_type": "user", "object_id": author.pk}
    AuditEvent.objects.bulk_create(AuditEvent(**noted) for _ in range(MANY))


def text_of(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.mark.usefixtures("many_events")
def test_one_export_at_a_time_is_sent_by_a_process(client: Client) -> None:
    first = client.get(EXPORT)
    refused = client.get(EXPORT)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "Too many exports of the audit trail at once." in refused.content.decode()
    assert text_of(first).count("post.noted") == MANY
    assert text_of(client.get(EXPORT)).count("post.noted") == MANY


@pytest.mark.usefixtures("many_events")
@pytest.mark.parametrize("change", ["suspension", "another role", "logout"])
def test_an_export_breaks_off_once_its_admin_may_not_read_on(
    admin: User, make_user: Callable[..., User], signed_in: Callable[[User], Client], change: str
) -> None:
    second = make_user("admin")
    client, same_browser = signed_in(second), Client()
    same_browser.cookies = client.cookies
    pieces = iter(client.get(EXPORT).streaming_content)  # type: ignore[attr-defined]
    sent = [next(pieces), next(pieces)]
    if change == "logout":
        same_browser.post("/admin/logout/")
    else:
        changes: Any = {"is_active": False} if change == "suspension" else {"role": "editor"}
        update_user(actor=SYSTEM, user=second, changes=changes, now=timezone.now())
    with pytest.raises(PermissionDenied):
        sent.extend(pieces)
    assert 0 < b"".join(sent).count(b"post.noted") <= EXPORTED_AT_ONCE
    assert text_of(signed_in(admin).get(EXPORT)).count("post.noted") == MANY
