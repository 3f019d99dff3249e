"""Every constraint of the database bites on its own: these writes go around the services."""

import datetime
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import ProtectedError
from uuid_utils.compat import uuid7

from cms import limits
from cms.models import AuthSession, Category, Comment, ImportRecord, Post, PostRevision, Redirect, Tag, User

NOW = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
NOBODY = uuid.UUID("018f3f3e-0000-7000-8000-000000000000")  # fixed: workers compare the names of tests
ASTRAL = "\U0001f600"  # one character, four bytes, two UTF-16 units
UUID = "12345678-1234-1234-1234-123456789abc"
# PostgreSQL measures a varchar before it looks at any constraint.
REFUSALS = (IntegrityError, DataError)


def refused(change: Callable[[], Any]) -> bool:
    try:
        with transaction.atomic():
            change()
            connection.check_constraints()  # on PostgreSQL foreign keys wait for the end of the transaction
    except REFUSALS:
        return True
    return False


@pytest.fixture
def rows(db: None) -> dict[type[models.Model], Any]:
    """One valid row of each table."""
    user = User.objects.create(username="mia", email="mia@example.org", role="author")
    post = Post.objects.create(title="A", slug="a", content="a", content_html="<p>a</p>", author=user)
    comment = Comment.objects.create(post=post, author=user, text="a", thread_path="a" * 32)
    return {
        User: user,
        Post: post,
        Comment: comment,
        Tag: Tag.objects.create(name="a", name_key="a", slug="a"),
        Category: Category.objects.create(name="a", slug="a"),
        PostRevision: PostRevision.objects.create(post=post, number=1, snapshot={}),
        Redirect: Redirect.objects.create(old_path="/a", post=post),
    }


BAD_VALUES: list[tuple[type[models.Model], dict[str, Any]]] = [
    *((User, {"username": name}) for name in ("", "ab", "a" * 31, "a b", "a-b", "äöü", "abc\n", "a@b")),
    *((User, {"email": email}) for email in ("", "a@", "a" * 255)),
    (User, {"first_name": "a" * 151}),
    (User, {"last_name": "a" * 151}),
    (User, {"display_name": "a" * 101}),
    (User, {"bio": "a" * 2_001}),
    (User, {"role": "owner"}),
    (User, {"deleted_at": NOW, "is_active": True}),
    *((Post, {"title": title}) for title in ("", "a" * 201, ASTRAL * 201)),
    *(
        (Post, {"slug": slug})
        for slug in ("", "a" * 201, "A", "a b", "a/b", "a\tb", "-a", "a-", ".a", "a_", "a?", "a\u0001")
    ),
    *((Post, {"slug": slug}) for slug in (UUID, UUID.replace("-", ""), "a\u00a0b")),
    *((Post, {"content": content}) for content in ("", "a" * 1_000_001)),
    (Post, {"excerpt": "a" * 501}),
    (Post, {"meta_title": "a" * 201}),
    (Post, {"meta_description": "a" * 501}),
    *((Post, {"language": language}) for language in ("", "e", "a" * 36)),
    (Post, {"kind": "blog"}),
    (Post, {"status": "live", "published_at": NOW}),
    (Post, {"visibility": "secret"}),
    (Post, {"content_format": "text"}),
    (Post, {"status": "trashed"}),
    (Post, {"status": "trashed", "status_before_trash": "trashed"}),
    (Post, {"status": "draft", "status_before_trash": "draft"}),
    (Post, {"status": "published", "published_at": None}),
    (Post, {"published_at": NOW, "expires_at": NOW}),
    (Post, {"published_at": NOW, "expires_at": NOW - datetime.timedelta(microseconds=1)}),
    (Post, {"version": 0}),
    (Post, {"reading_time_min": 0}),
    (Post, {"author_id": NOBODY}),
    *((Tag, {"name": name}) for name in ("", "a" * 51, ASTRAL * 51, "a,b", "a\nb", "a\u0085b", "a\u007f")),
    *((Tag, {"slug": slug}) for slug in ("", "A", "a b", "a" * 201)),
    (Tag, {"description": "a" * 2_001}),
    (Tag, {"usage_count": -1}),
    *((Category, {"name": name}) for name in ("", "a" * 101)),
    *((Category, {"slug": slug}) for slug in ("", "A", "a b", "a" * 201, "tree")),
    (Category, {"description": "a" * 2_001}),
    (Category, {"post_count": -1}),
    *((Comment, {"text": text}) for text in ("", "a" * 10_001, ASTRAL * 10_001)),
    (Comment, {"status": "shown"}),
    (Comment, {"depth": 1}),
    (Comment, {"depth": -1}),
    (Comment, {"author": None, "author_name": ""}),
    (Comment, {"author_name": "a" * 201}),
    (Comment, {"author_email": "a" * 255}),
    (Comment, {"post_id": NOBODY}),
    (PostRevision, {"number": 0}),
    *((Redirect, {"old_path": path}) for path in ("", "/", "a/b", "/" + "a" * 1_000)),
]


@pytest.mark.parametrize(
    ("model", "values"), BAD_VALUES, ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:50]
)
def test_a_value_out_of_bounds_is_refused(
    rows: dict[type[models.Model], Any], model: type[models.Model], values: dict[str, Any]
) -> None:
    assert refused(lambda: model._default_manager.filter(pk=rows[model].pk).update(**values))


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (User, {"username": "a" * 30, "bio": ASTRAL * 2_000, "email": "a" * 254, "display_name": ASTRAL * 100}),
        (User, {"deleted_at": NOW, "is_active": False}),
        (
            Post,
            {"title": ASTRAL * 200, "slug": "ж" * 200, "excerpt": "e\u0301" * 250, "meta_description": ASTRAL * 500},
        ),
        (Post, {"content": ASTRAL * 1_000_000}),
        (Post, {"slug": "a.b_c-d"}),
        (Post, {"slug": "12345678-1234"}),
        (Post, {"status": "trashed", "status_before_trash": "archived"}),
        (Post, {"published_at": NOW, "expires_at": NOW + datetime.timedelta(microseconds=1)}),
        (Tag, {"name": ASTRAL * 50, "name_key": "a" * 900, "slug": "ж" * 200}),
        (Tag, {"name": "می\u200cخواهم", "usage_count": 0}),
        (Category, {"name": ASTRAL * 100, "slug": "trees"}),
        (Comment, {"text": ASTRAL * 10_000}),
        (Comment, {"text": "", "status": "deleted"}),
        (Comment, {"author": None, "author_name": "Guest"}),
        (Redirect, {"old_path": "/" + "a" * 999}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else ",".join(value),
)
def test_a_value_at_the_edge_is_kept_as_it_is(
    rows: dict[type[models.Model], Any], model: type[models.Model], values: dict[str, Any]
) -> None:
    model._default_manager.filter(pk=rows[model].pk).update(**values)
    assert model._default_manager.filter(pk=rows[model].pk).values(*values).get() == values


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (User, {"username": "MIA", "email": "other@example.org"}),
        (User, {"username": "other", "email": "MIA@EXAMPLE.org"}),
        (Tag, {"name": "A", "name_key": "a", "slug": "other"}),
        (Tag, {"name": "other", "name_key": "other", "slug": "a"}),
        (Category, {"name": "a", "slug": "other"}),
        (Category, {"name": "other", "slug": "a"}),
    ],
)
def test_a_twin_is_refused(
    rows: dict[type[models.Model], Any], model: type[models.Model], values: dict[str, Any]
) -> None:
    assert refused(lambda: model._default_manager.bulk_create([model(**values)]))


def test_a_second_post_with_the_same_slug_is_refused(rows: dict[Any, Any]) -> None:
    twin = Post(title="B", slug="a", content="b", author=rows[User])
    assert refused(lambda: Post.objects.bulk_create([twin]))


def test_a_revision_number_is_given_once_a_post(rows: dict[Any, Any]) -> None:
    assert refused(lambda: PostRevision.objects.create(post=rows[Post], number=1, snapshot={}))


def test_an_old_path_leads_to_one_post(rows: dict[Any, Any]) -> None:
    assert refused(lambda: Redirect.objects.create(post=rows[Post], old_path="/a"))


def test_a_place_in_a_thread_is_given_once(rows: dict[Any, Any]) -> None:
    assert refused(lambda: Comment.objects.create(post=rows[Post], author=rows[User], text="b", thread_path="a" * 32))


def test_an_object_of_a_source_is_recorded_once(db: None) -> None:
    key: dict[str, Any] = {"source": "s", "object_type": "post", "external_id": "1", "object_id": uuid7()}
    ImportRecord.objects.create(**key)
    assert refused(lambda: ImportRecord.objects.create(**key))


def test_category_names_are_unique_below_each_parent_and_at_the_root(rows: dict[Any, Any]) -> None:
    root = rows[Category]
    child = Category.objects.create(name="a", slug="child", parent=root)
    assert refused(lambda: Category.objects.create(name="a", slug="twin", parent=root))
    assert not refused(lambda: Category.objects.create(name="a", slug="grandchild", parent=child))


def test_a_category_is_not_its_own_parent(rows: dict[Any, Any]) -> None:
    root = rows[Category]
    assert refused(lambda: Category.objects.filter(pk=root.pk).update(parent=root))


def test_the_depth_of_an_answer_is_between_one_and_ten(rows: dict[Any, Any]) -> None:
    root = rows[Comment]
    answer = Comment.objects.create(
        post=root.post, author=root.author, text="b", parent=root, depth=limits.COMMENT_DEPTH_MAX, thread_path="b" * 32
    )
    for depth in (0, 11):
        assert refused(partial(Comment.objects.filter(pk=answer.pk).update, depth=depth))


@pytest.mark.parametrize("noun", [User, Category, Comment])
def test_what_others_refer_to_is_not_deleted(rows: dict[Any, Any], noun: type[models.Model]) -> None:
    row = rows[noun]
    if noun is Category:
        Category.objects.create(name="b", slug="b", parent=row)
    if noun is Comment:
        Comment.objects.create(post=row.post, author=row.author, text="b", parent=row, depth=1, thread_path="b" * 32)
    with pytest.raises(ProtectedError):
        row.delete()


def test_a_session_ends_with_its_user(db: None) -> None:
    user = User.objects.create(username="mia", email="mia@example.org")
    AuthSession.objects.create(user=user, expires_at=NOW)
    user.delete()
    assert not AuthSession.objects.exists()
