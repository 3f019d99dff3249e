"""The first page of the admin site: what waits for the one who opens it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.choices import DeliveryStatus, JobStatus
from cms.models import Delivery, Job, Post, User, Webhook
from cms.policy import SYSTEM
from cms.services.comments import create_comment
from cms.services.post_states import publish_post


def _lists(client: Client) -> dict[str, list[str]]:
    context = client.get("/admin/").context
    return {title: [post.title for post, *_ in posts] for title, _, posts in context["lists"]}


def test_posts_stand_under_what_they_wait_for(
    author: User,
    editor: User,
    make_post: Callable[..., Post],
    signed_in: Callable[[User], Client],
    now: datetime.datetime,
) -> None:
    make_post(title="Mine", is_published=False)
    make_post(title="Out")
    later = make_post(title="Later", is_published=False)
    publish_post(actor=SYSTEM, post=later, now=now, published_at=now + datetime.timedelta(days=30_000))
    mine = {"My drafts": ["Mine"], "Scheduled next": ["Later"], "Recently published": ["Out"]}
    assert _lists(signed_in(author)) == mine
    assert _lists(signed_in(editor)) == {**mine, "My drafts": []}


def test_comments_wait_for_those_who_moderate(
    author: User, editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client], now: Any
) -> None:
    fields = {"text": "Does it wait?", "author_name": "Grace", "status": "pending"}
    create_comment(actor=SYSTEM, post=make_post(), fields=fields, now=now)
    assert "Does it wait?" in signed_in(editor).get("/admin/").content.decode()
    assert "Does it wait?" not in signed_in(author).get("/admin/").content.decode()


def test_admins_are_told_of_what_was_given_up_and_of_the_rollout(
    admin: User, editor: User, signed_in: Callable[[User], Client], now: datetime.datetime
) -> None:
    calm = signed_in(admin).get("/admin/").content.decode()
    assert "given up" not in calm
    assert "Rollout: v2: 0 %." in calm
    webhook = Webhook.objects.create(url="https://example.org/hook", events=["*"], secret="x" * 32)
    Delivery.objects.create(
        webhook=webhook,
        event_id=webhook.pk,
        event_type="post.published",
        object_type="post",
        object_id=webhook.pk,
        payload={},
        status=DeliveryStatus.DEAD,
        next_attempt_at=now,
    )
    told = signed_in(admin).get("/admin/").content.decode()
    assert "Abandoned webhook deliveries: 1" in told
    assert "Background jobs" not in told
    assert Job.objects.filter(status=JobStatus.DEAD).count() == 0
    for_editors = signed_in(editor).get("/admin/").content.decode()
    assert "given up" not in for_editors
    assert "Rollout:" not in for_editors


@pytest.mark.parametrize("role", ["author", "editor", "admin"])
def test_the_page_takes_as_many_statements_however_much_there_is(
    role: str,
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    signed_in: Callable[[User], Client],
    django_assert_max_num_queries: Any,
) -> None:
    client = signed_in(make_user(role=role))
    for number in range(12):
        make_post(title=f"Post {number}", is_published=number % 2 == 0)
    with django_assert_max_num_queries(16):
        client.get("/admin/")
