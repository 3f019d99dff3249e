"""What a source hides stays hidden: a date that can't be used never makes a post public."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cms.models import Post


@pytest.mark.parametrize("date", ["not a date", "1577836800", "9999-12-31T23:59:59-14:00", "2200-02-30", "31.12.2999"])
def test_a_date_that_cannot_be_read_makes_a_draft(
    import_path: Callable[..., Any], write_markdown: Callable[..., Any], date: str
) -> None:
    report = import_path(write_markdown("2020-01-02-a.md", f"title: A\ndate: '{date}'"))
    assert Post.objects.get().status == "draft"
    assert any(item["field"] == "status" and item["value"] == "draft" for item in report["items"])


def test_a_date_in_the_far_future_stays_scheduled(
    import_path: Callable[..., Any], write_markdown: Callable[..., Any]
) -> None:
    import_path(write_markdown("a.md", "title: A\ndate: 2999-01-01"))
    post = Post.objects.get()
    assert post.is_scheduled(timezone.now())
    assert not Post.objects.public(timezone.now()).exists()


def test_a_zero_date_of_another_system_is_no_date(
    import_path: Callable[..., Any], write_markdown: Callable[..., Any]
) -> None:
    import_path(write_markdown("a.md", "title: A\ndate: 0001-01-01T00:00:00Z"))
    assert Post.objects.public(timezone.now()).count() == 1


def test_what_expired_before_it_was_published_is_archived(
    import_path: Callable[..., Any], write_markdown: Callable[..., Any]
) -> None:
    import_path(write_markdown("a.md", "title: A\ndate: 2012-01-01\nexpires: 2010-01-01"))
    assert Post.objects.get().status == "archived"
    assert not Post.objects.public(timezone.now()).exists()
