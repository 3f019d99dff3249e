"""A writer that waited for a post's lock has read its clock before the post was last changed."""

import datetime
from collections.abc import Callable

from django.utils import timezone

from cms.models import Post, Tag
from cms.policy import SYSTEM
from cms.services.post_states import publish_post
from cms.services.posts import update_post


def test_a_stale_clock_takes_no_public_post_out_of_the_counts(make_post: Callable[..., Post]) -> None:
    post = make_post(is_published=False, tags=["one"])
    now = timezone.now()
    publish_post(actor=SYSTEM, post=post, now=now)
    before_the_lock = now - datetime.timedelta(milliseconds=300)
    changed = update_post(actor=SYSTEM, post=post, changes={"tags": ["one", "two"]}, now=before_the_lock)
    assert changed.is_counted
    assert changed.updated_at == now
    assert dict(Tag.objects.values_list("name", "usage_count")) == {"one": 1, "two": 1}
