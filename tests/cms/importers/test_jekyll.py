"""What is odd about Jekyll sites, one quirk a test."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.importers.dates import UnreadableDate, parse_instant
from cms.models import Post

pytestmark = pytest.mark.django_db
ImportPath = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
Originals = Callable[[dict[str, Any], str], list[Any]]


def test_folders_above_posts_are_categories(import_path: ImportPath, write_markdown: Write) -> None:
    import_path(write_markdown("news/world/_posts/2020-01-02-a.md", "title: A\ncategories: extra"))
    assert set(Post.objects.get().categories.values_list("name", flat=True)) == {"news", "world", "extra"}


def test_drafts_are_drafts_and_liquid_stays_as_it_is(
    import_path: ImportPath, write_markdown: Write, originals: Originals
) -> None:
    body = "{% highlight ruby %}\nputs 1\n{% endhighlight %}\n<!--more-->\nRest\n"
    report = import_path(write_markdown("_drafts/idea.md", "title: Idea\nexcerpt_separator: <!--more-->", body))
    post = Post.objects.get()
    assert (post.status, post.content) == ("draft", body)
    assert originals(report, "excerpt_separator") == ["<!--more-->"]


def test_something_scheduled_without_a_date_is_a_draft(import_path: ImportPath, write_markdown: Write) -> None:
    report = import_path(write_markdown("a.md", "title: A\nstatus: scheduled"))
    assert Post.objects.get().status == "draft"
    assert [item["original"] for item in report["items"] if item["field"] == "status"] == ["scheduled"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-03-04 05:06:07 -0700", "2015-03-04T12:06:07"),
        ("2015-03-04 05:06 PST", "2015-03-04T13:06:00"),
        ("2015-03-04T05:06:07CEST", "2015-03-04T03:06:07"),
        ("2015-03-04 12:06 AM", "2015-03-04T00:06:00"),
        ("2015-03-04 1:06:07 p.m. +0100", "2015-03-04T12:06:07"),
        ("Mon Sep 23 2013 11:25:07 GMT-0700 (PDT)", "2013-09-23T18:25:07"),
        ("Mon Sep 23 2013 11:25:07 GMT+0000", "2013-09-23T11:25:07"),
    ],
)
def test_odd_dates_and_zones_are_read(text: str, instant: str) -> None:
    assert parse_instant(text) == datetime.datetime.fromisoformat(instant).replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "text", ["2015-03-04 05:06 XYZT", "2015-03-04 13:06 PM", "0000-00-00", "9999999-01-01", "-1", "NaN", "2015-02-30"]
)
def test_dates_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(UnreadableDate):
        parse_instant(text)
