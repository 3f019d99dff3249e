"""The first page: what waits for this user, by queries that an index answers however many rows there are."""

import datetime
from collections.abc import Iterable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from cms import clock, policy
from cms.admin.status import POST_STATES, shown_status
from cms.choices import CommentStatus, DeliveryStatus, JobStatus, Status
from cms.models import Comment, Delivery, Job, Post
from cms.querysets.posts import PostQuerySet

SHOWN: Final = 5
COUNTED_MAX: Final = 100


def dashboard_context(request: HttpRequest) -> dict[str, Any]:
    now, user = clock.now(), request.user
    is_admin = policy.may_manage_users(user)
    return {
        "lists": [*_lists_of_posts(user, now)] if policy.may_write_posts(user) else [],
        "may_write_posts": policy.may_write_posts(user),
        "may_moderate": policy.may_moderate(user),
        "waiting_comments": _waiting_comments() if policy.may_moderate(user) else [],
        "failures": [*_failures()] if is_admin else [],
        "rollout": import_string(settings.ROLLOUT_LINE)(request) if settings.ROLLOUT_LINE else None,
    }


def _lists_of_posts(user: Any, now: datetime.datetime) -> Iterable[tuple[str, str, list[Any]]]:
    """A title, what to say of an empty list, and its posts with their states."""
    posts: PostQuerySet = Post.objects.editable_by(user).posts()
    mine: PostQuerySet = Post.objects.filter(author=user, status=Status.DRAFT)
    out = posts.filter(status=Status.PUBLISHED)
    yield _("My drafts"), _("You have no drafts."), _shown(mine.order_by("-updated_at", "-id"), now)
    scheduled = out.filter(published_at__gt=now).order_by("published_at", "id")
    yield _("Scheduled next"), _("Nothing is scheduled."), _shown(scheduled, now)
    recent = out.filter(published_at__lte=now).order_by("-published_at", "-id")
    yield _("Recently published"), _("Nothing is published yet."), _shown(recent, now)


def _shown(posts: PostQuerySet, now: datetime.datetime) -> list[Any]:
    rows = posts.select_related("author").defer("content", "content_html")[:SHOWN]
    states = [(post, *shown_status(post, now)) for post in rows]
    return [(post, POST_STATES[state], colour) for post, state, colour in states]


def _waiting_comments() -> list[Comment]:
    waiting = Comment.objects.filter(status=CommentStatus.PENDING).select_related("post", "author")
    return list(waiting.defer("post__content", "post__content_html").order_by("created_at")[:SHOWN])


def _failures() -> Iterable[tuple[str, str]]:
    """Return what was given up: a sentence, and the address of the list that has it, if any."""
    deliveries = Delivery.objects.filter(status=DeliveryStatus.DEAD)
    if number := deliveries[: COUNTED_MAX + 1].count():
        yield (
            _("Abandoned webhook deliveries: %(number)s") % {"number": _at_most(number)},
            reverse("admin:cms_delivery_changelist"),
        )
    if number := Job.objects.filter(status=JobStatus.DEAD)[: COUNTED_MAX + 1].count():
        yield _("Abandoned background jobs: %(number)s") % {"number": _at_most(number)}, ""


def _at_most(number: int) -> str:
    return str(number) if number <= COUNTED_MAX else _("more than %(number)s") % {"number": COUNTED_MAX}
