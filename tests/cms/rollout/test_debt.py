"""The rollback debt of the content: each thing that v1's answers leave out is counted, and nothing else."""

import datetime
from collections.abc import Callable

import pytest

from cms.models import Post, User
from cms.rollout.debt import rows_that_v1_cannot_show

pytestmark = pytest.mark.django_db
MakePost = Callable[..., Post]


def debts(now: datetime.datetime) -> dict[str, int]:
    return {name: rows.count() for name, rows in rows_that_v1_cannot_show(now).items() if rows.count()}


def test_a_post_as_v1_writes_it_is_no_debt(make_post: MakePost, now: datetime.datetime) -> None:
    make_post()
    make_post(is_published=False)
    assert debts(now) == {}


def test_each_feature_of_v2_is_counted_under_its_name(
    make_post: MakePost, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    later = now + datetime.timedelta(days=1)
    make_post(kind="page", language="de")
    make_post(co_authors=[make_user("author"), make_user("author")])
    make_post(visibility="private", content_format="html", content="<p>Text</p>")
    make_post(published_at=later, expires_at=later + datetime.timedelta(days=1))
    assert debts(now) == {
        "pages": 1,
        "posts with co-authors": 1,
        "posts that are not public": 1,
        "scheduled posts, which v1 calls published": 1,
        "posts that expire": 1,
        "posts in another language": 1,
        "posts in HTML": 1,
    }


def test_the_trash_is_no_debt(make_post: MakePost, now: datetime.datetime) -> None:
    post = make_post(kind="page")
    Post.objects.filter(pk=post.pk).update(status="trashed", status_before_trash="published", settles_at=None)
    assert debts(now) == {}
