"""What nobody waits for: webhooks to a receiver, posts that time publishes, and files that the worker prepares."""

import base64
import datetime
import hashlib
import hmac

from tests.receivers import receiving
from tests.staging.site import Staging, eventually


def subscribe(staging: Staging, url: str, *events: str) -> dict[str, str]:
    made = staging.admin.post("/api/v2/webhooks", json={"url": url, "events": list(events)})
    assert made.status_code == 201, made.text
    webhook: dict[str, str] = made.json()
    return webhook


def unsubscribe(staging: Staging, webhook: dict[str, str]) -> None:
    assert staging.admin.delete(f"/api/v2/webhooks/{webhook['id']}").status_code == 204


def write(staging: Staging, **fields: object) -> dict[str, str]:
    made = staging.admin.post("/api/v2/posts", json={"title": "For the worker", "content": "Text.", **fields})
    assert made.status_code == 201, made.text
    post: dict[str, str] = made.json()
    return post


def test_a_webhook_is_delivered_signed(staging: Staging) -> None:
    with receiving() as receiver:
        webhook = subscribe(staging, receiver.url, "post.created")
        post = write(staging)
        assert receiver.arrived.acquire(timeout=120)
        unsubscribe(staging, webhook)
    [request] = [one for one in receiver.requests if one.event["object"]["id"] == post["id"]]
    signed = f"{request.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(webhook["secret"].removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" in request.headers["webhook-signature"]


def test_what_happened_while_no_worker_ran_is_delivered_when_one_does(staging: Staging) -> None:
    with receiving() as receiver:
        webhook = subscribe(staging, receiver.url, "post.created")
        staging.stack.processes.kill("worker")
        posts = [write(staging)["id"] for _ in range(3)]
        assert receiver.requests == []
        staging.stack.start("worker")
        for _ in posts:
            assert receiver.arrived.acquire(timeout=120)
        unsubscribe(staging, webhook)
    assert sorted(one.event["object"]["id"] for one in receiver.requests) == sorted(posts)


def test_a_rollback_is_told_to_a_webhook(at_rest: Staging) -> None:
    with receiving() as receiver:
        webhook = subscribe(at_rest, receiver.url, "rollout.rollback")
        at_rest.set_weight(10)
        at_rest.canary("rollback", reason="told outside")
        assert receiver.arrived.acquire(timeout=120)
        unsubscribe(at_rest, webhook)
    assert receiver.types == ["rollout.rollback"]


def test_time_publishes_a_post(staging: Staging) -> None:
    post = write(staging)
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=6)).isoformat()
    scheduled = staging.admin.post(f"/api/v2/posts/{post['id']}/actions/publish", json={"published_at": soon})
    assert scheduled.status_code == 200, scheduled.text
    assert staging.anonymous.get(f"/api/v2/posts/{post['id']}").status_code == 404
    eventually(lambda: staging.anonymous.get(f"/api/v2/posts/{post['id']}").status_code == 200, "it is public")


def test_a_search_index_is_made_anew_by_the_worker(staging: Staging) -> None:
    assert staging.admin.post("/api/v1/search/reindex").json()["success"] is True
    eventually(
        lambda: staging.admin.get("/api/v1/search/stats").json()["data"]["index_state"] == "ready", "the index is ready"
    )
