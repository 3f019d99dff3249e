"""Webhooks and their deliveries, and the audit trail: all for admins alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.http import urlencode

from cms.models import AuditEvent, Delivery, Post, User, Webhook
from tests.api_v2.sending import codes_of, problem_of, send

HOOK = {"url": "https://example.org/hook", "events": ["post.published", "post.created"]}
MISSING = "0197a0b0-0000-7000-8000-000000000000"


@pytest.fixture
def as_admin(client_of: Callable[[User], Client], admin: User) -> Client:
    return client_of(admin)


@pytest.fixture
def hook_id(as_admin: Client) -> str:
    return str(send(as_admin, "post", "/webhooks", HOOK).json()["id"])


def test_a_webhook_is_made_and_its_secret_is_shown_once(as_admin: Client, admin: User) -> None:
    answer = send(as_admin, "post", "/webhooks", HOOK)
    body = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v2/webhooks/{body['id']}")
    assert (body["events"], body["created_by"]) == (["post.created", "post.published"], str(admin.pk))
    secret = body.pop("secret")
    assert secret == Webhook.objects.get().secret
    assert send(as_admin, "get", f"/webhooks/{body['id']}").json() == body
    assert send(as_admin, "get", "/webhooks").json()["data"] == [body]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"url": "ftp://x"}, [("/url", "invalid_url")]),
        ({"url": "http://127.0.0.1/x"}, [("/url", "private_address")]),
        ({"url": None}, [("/url", "invalid_type")]),
        ({"events": []}, [("/events", "required")]),
        ({"events": ["post.eaten"]}, [("/events", "invalid_choice")]),
        ({"events": [1]}, [("/events/0", "invalid_type")]),
        ({"is_active": "yes"}, [("/is_active", "invalid_type")]),
        ({"secret": "mine"}, [("/secret", "unknown_member")]),
    ],
    ids=str,
)
def test_a_webhook_that_cannot_be_is_a_422(
    as_admin: Client, hook_id: str, changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    for answer in (
        send(as_admin, "post", "/webhooks", {**HOOK, **changes}),
        send(as_admin, "patch", f"/webhooks/{hook_id}", changes),
    ):
        assert (answer.status_code, codes_of(answer)) == (422, errors)
    assert Webhook.objects.get().url == HOOK["url"]


def test_a_webhook_is_changed_and_deleted(as_admin: Client, hook_id: str) -> None:
    path = f"/webhooks/{hook_id}"
    etag = send(as_admin, "get", path).headers["ETag"]
    answer = send(as_admin, "patch", path, {"events": ["*"], "is_active": False}, **{"If-Match": etag})
    assert (answer.status_code, answer.json()["events"], answer.json()["is_active"]) == (200, ["*"], False)
    assert answer.headers["ETag"] == send(as_admin, "get", path).headers["ETag"]
    assert problem_of(send(as_admin, "delete", path, **{"If-Match": etag})) == (412, "precondition-failed")
    assert send(as_admin, "delete", path).status_code == 204
    assert problem_of(send(as_admin, "get", path)) == (404, "not-found")
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_by_state_and_replayed(
    as_admin: Client, hook_id: str, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    path = f"/webhooks/{hook_id}/deliveries"
    first = send(as_admin, "get", path).json()["data"][1]
    assert (first["event_type"], first["object"]) == ("post.created", {"type": "post", "id": str(post.pk)})
    assert (first["status"], first["payload"]["type"]) == ("pending", "post.created")
    replay = f"/deliveries/{first['id']}/actions/replay"
    assert problem_of(send(as_admin, "post", replay)) == (409, "invalid-transition")
    Delivery.objects.filter(pk=first["id"]).update(status="dead", attempts=10)
    (dead,) = send(as_admin, "get", f"{path}?status=dead,delivered").json()["data"]
    assert (dead["id"], dead["attempts"]) == (first["id"], 10)
    answer = send(as_admin, "post", replay)
    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (200, "pending", 0)
    assert problem_of(send(as_admin, "get", f"{path}?status=lost")) == (400, "invalid-parameter")


def test_a_replay_of_a_delivery_that_was_changed_meanwhile_is_a_412_with_its_etag(
    as_admin: Client, hook_id: str, make_post: Callable[..., Post]
) -> None:
    make_post()
    delivery = Delivery.objects.all()[0]
    path = f"/deliveries/{delivery.pk}/actions/replay"
    Delivery.objects.update(status="dead")
    etag = send(as_admin, "post", path).headers["ETag"]
    Delivery.objects.update(status="dead")
    stale = send(as_admin, "post", path, **{"If-Match": '"1-old"'})
    assert problem_of(stale) == (412, "precondition-failed")
    assert stale.headers["ETag"].partition("-")[0] == etag.partition("-")[0]
    assert Delivery.objects.get(pk=delivery.pk).status == "dead"
    assert send(as_admin, "post", path, **{"If-Match": stale.headers["ETag"]}).headers["ETag"] != etag


@pytest.mark.parametrize(
    "path", ["/webhooks/{}", "/webhooks/{}/deliveries", "/deliveries/{}/actions/replay"], ids=["hook", "list", "replay"]
)
@pytest.mark.parametrize("pk", [MISSING, "nonsense"])
def test_what_is_not_there_is_a_404(as_admin: Client, path: str, pk: str) -> None:
    method = "post" if "replay" in path else "get"
    assert problem_of(send(as_admin, method, path.format(pk))) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/webhooks"),
        ("post", "/webhooks"),
        ("get", f"/webhooks/{MISSING}"),
        ("patch", f"/webhooks/{MISSING}"),
        ("delete", f"/webhooks/{MISSING}"),
        ("get", f"/webhooks/{MISSING}/deliveries"),
        ("post", f"/deliveries/{MISSING}/actions/replay"),
        ("get", "/audit"),
    ],
)
def test_only_admins_get_there(
    client: Client, client_of: Callable[[User], Client], editor: User, method: str, path: str
) -> None:
    assert problem_of(send(client, method, path, {})) == (401, "authentication-required")
    assert problem_of(send(client_of(editor), method, path, {})) == (403, "permission-denied")


def actions(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["action"] for event in answer.json()["data"]]


def test_the_audit_trail_says_who_did_what_and_what_changed(as_admin: Client, admin: User, hook_id: str) -> None:
    send(as_admin, "patch", f"/webhooks/{hook_id}", {"is_active": False}, **{"X-Request-ID": "mine"})
    event = send(as_admin, "get", "/audit?limit=1").json()["data"][0]
    assert (event["actor"], event["action"], event["api_version"]) == (str(admin.pk), "webhook.updated", 2)
    assert (event["object"], event["request_id"], event["ip"]) == (
        {"type": "webhook", "id": hook_id},
        "mine",
        "127.0.0.1",
    )
    assert (event["before"]["is_active"], event["after"]["is_active"]) == (True, False)
    assert Webhook.objects.get().secret not in str(list(AuditEvent.objects.values()))


def test_the_audit_trail_is_filtered(
    as_admin: Client, admin: User, hook_id: str, make_post: Callable[..., Post]
) -> None:
    post = make_post()
    assert actions(send(as_admin, "get", f"/audit?object={post.pk}")) == ["post.published", "post.created"]
    assert actions(send(as_admin, "get", f"/audit?actor={admin.pk}")) == ["webhook.created", "auth.login"]
    assert actions(send(as_admin, "get", "/audit?action=post.created,webhook.created")) == [
        "post.created",
        "webhook.created",
    ]
    assert actions(send(as_admin, "get", "/audit?action=nothing")) == []
    at = AuditEvent.objects.get(action="webhook.created").created_at.isoformat()
    assert actions(send(as_admin, "get", f"/audit?{urlencode({'before': at})}")) == ["auth.login", "user.registered"]
    assert "webhook.created" not in actions(send(as_admin, "get", f"/audit?{urlencode({'after': at})}"))


@pytest.mark.parametrize("query", ["actor=mia", "object=post", "after=yesterday", "user=x", "fields=secret"])
def test_what_the_audit_trail_does_not_know_is_a_400(as_admin: Client, query: str) -> None:
    assert problem_of(send(as_admin, "get", f"/audit?{query}")) == (400, "invalid-parameter")


def test_the_audit_trail_is_walked_by_pages(as_admin: Client, make_user: Callable[..., User]) -> None:
    for number in range(4):
        make_user(username=f"user_{number}")
    path, ids = "/api/v2/audit?limit=2&action=user.registered", []
    while path:
        page = as_admin.get(path).json()
        ids += [event["object"]["id"] for event in page["data"]]
        path = page["page"]["next"]
    assert len(ids) == len(set(ids)) == 5
