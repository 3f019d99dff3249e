"""What posts say: who may write them, excerpts, relations, versions."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from cms.costs import answering
from cms.costs.turns import Busy, Places
from cms.errors import Duplicate, InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Category, Post, PostRevision, Redirect, Tag, User
from cms.policy import SYSTEM
from cms.services.origin import Origin, set_origin
from cms.services.posts import PostFields, create_post, update_post
from cms.text.turns import TEXTS
from tests.cms.services.conftest import codes
from tests.turns import note_transactions

ASTRAL = "\U0001f600"
COMBINED = "e\u0301"  # two characters that look like one
pytestmark = pytest.mark.django_db


# -- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["author", "editor", "admin"])
def test_authors_editors_and_admins_write_posts(make_user: Callable[..., User], role: str, now: Any) -> None:
    user = make_user(role)
    post = create_post(actor=user, fields={"title": "A", "content": "a"}, now=now)
    assert (post.author, post.status, post.version, post.created_at) == (user, "draft", 1, now)


def test_a_stranger_is_refused_before_a_long_text_waits_for_its_turn(
    author: User, make_user: Callable[..., User], now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = create_post(actor=author, fields={"title": "A", "content": "a"}, now=now)
    changes: PostFields = {"content": "[a](b) " * 3_000}
    monkeypatch.setattr(TEXTS, "_places", Places(0))
    monkeypatch.setattr(answering._doing, "a_request", True)
    note_transactions()
    for actor, refusal in ((make_user("author"), PermissionRefused), (author, Busy)):
        with pytest.raises(refusal):
            update_post(actor=actor, post=post, changes=changes, now=now)


def test_subscribers_and_strangers_write_no_posts(make_user: Callable[..., User], now: Any) -> None:
    suspended = make_user("admin", is_active=False)
    for actor in (make_user("subscriber"), AnonymousUser(), suspended):
        with pytest.raises(PermissionRefused) as caught:
            create_post(actor=actor, fields={"title": "A", "content": "a"}, now=now)
        assert caught.value.code == "permission_denied"
    assert not Post.objects.exists()


def test_an_author_writes_in_their_own_name_only(author: User, make_user: Callable[..., User], now: Any) -> None:
    post = create_post(actor=author, fields={"title": "A", "content": "a"}, now=now, author=make_user("author"))
    assert post.author == author


def test_the_system_writes_for_somebody(now: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_post(actor=SYSTEM, fields={"title": "A", "content": "a"}, now=now)
    assert codes(caught.value) == [("author", "required")]


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("author", True),
        ("co_author", True),
        ("editor", True),
        ("admin", True),
        ("other_author", False),
        ("subscriber", False),
        ("demoted_author", False),
    ],
)
def test_who_changes_a_post(make_user: Callable[..., User], now: Any, who: str, may: bool) -> None:
    author, co_author = make_user("author"), make_user("author")
    post = create_post(actor=author, fields={"title": "A", "content": "a", "co_authors": [co_author]}, now=now)
    if who == "demoted_author":
        author.role = "subscriber"
        author.save()
    people = {"author": author, "demoted_author": author, "co_author": co_author, "other_author": make_user("author")}
    actor = people.get(who) or make_user(who)
    if may:
        assert update_post(actor=actor, post=post, changes={"title": "B"}, now=now).title == "B"
    else:
        with pytest.raises(PermissionRefused):
            update_post(actor=actor, post=post, changes={"title": "B"}, now=now)
        assert Post.objects.get().title == "A"


def test_only_importers_say_when_a_post_was_created(make_post: Callable[..., Post], editor: User) -> None:
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(PermissionRefused):
        create_post(actor=editor, fields={"title": "A", "content": "a", "created_at": past}, now=past)
    with pytest.raises(PermissionRefused):
        update_post(actor=editor, post=make_post(), changes={"created_at": past}, now=past)


def test_a_post_that_is_gone_is_not_found(write: Any, change: Any) -> None:
    post = write()
    Post.objects.all().delete()
    with pytest.raises(NotFound) as caught:
        change(post, title="B")
    assert caught.value.code == "not_found"


# -- what is derived --------------------------------------------------------------------------------------------------


def test_an_excerpt_is_derived_until_somebody_writes_one(write: Any, change: Any) -> None:
    post = write(content="First *words*.")
    assert (post.excerpt, post.is_excerpt_derived) == ("First words.", True)
    post = change(post, content="Other words.")
    assert post.excerpt == "Other words."
    post = change(post, excerpt="Mine.")
    assert change(post, content="Third words.").excerpt == "Mine."
    post = change(post, excerpt="")
    assert (post.excerpt, post.is_excerpt_derived) == ("Third words.", True)


def test_an_excerpt_that_is_sent_with_new_content_is_kept(write: Any, change: Any) -> None:
    post = change(write(content="Old."), content="New.", excerpt="Old.")
    assert (post.excerpt, post.is_excerpt_derived) == ("Old.", False)


def test_an_empty_excerpt_sent_again_changes_nothing(write: Any, change: Any) -> None:
    post = change(write(), excerpt="")
    assert (post.version, post.revisions.count()) == (1, 1)


def test_html_and_reading_time_follow_the_content_and_its_format(write: Any, change: Any) -> None:
    post = write(content="*a*")
    assert post.content_html == "<p><em>a</em></p>\n"
    post = change(post, content_format="html")
    assert post.content_html == "*a*"
    assert change(post, content="word " * 500).reading_time_min == 3


# -- versions, revisions, the audit trail -----------------------------------------------------------------------------


def test_version_and_revisions_grow_with_every_change_of_content(write: Any, change: Any) -> None:
    post = write(title="One")
    for title in ("Two", "Three"):
        post = change(post, title=title)
    revisions = PostRevision.objects.filter(post=post).order_by("number")
    assert post.version == 3
    assert [(each.number, each.snapshot["title"], each.reason) for each in revisions] == [
        (1, "One", "created"),
        (2, "Two", "updated"),
        (3, "Three", "updated"),
    ]


@pytest.mark.parametrize("changes", [{"visibility": "private"}, {"tags": ["a"]}, {"kind": "page"}])
def test_a_change_of_anything_else_grows_the_version_alone(write: Any, change: Any, changes: dict[str, Any]) -> None:
    post = change(write(), **changes)
    assert (post.version, post.revisions.count()) == (2, 1)


def test_a_change_that_changes_nothing_leaves_no_trace(
    write: Any, change: Any, events_of: Callable[[models.Model], list[str]]
) -> None:
    post = write(slug="a", tags=["One", "Two"], meta_title="m")
    same = {"title": post.title, "content": post.content, "slug": "a", "tags": ["two", "ONE"], "co_authors": []}
    after = change(post, **same, meta_title="m", excerpt=post.excerpt, expires_at=None, language="en", kind="post")
    assert (after.version, after.updated_at, events_of(post)) == (1, post.updated_at, ["post.created"])


def test_an_update_names_what_was_before_and_after_but_not_the_content(write: Any, change: Any, author: User) -> None:
    set_origin(Origin(ip="192.0.2.7", request_id="r-1", api_version=2))
    post = change(write(title="One", content="Old"), title="Two", content="New")
    event = AuditEvent.objects.filter(action="post.updated").get()
    assert (event.object_type, event.object_id, event.actor) == ("post", post.pk, author)
    assert (event.before, event.after) == ({"title": "One"}, {"title": "Two"})
    assert (event.ip, event.request_id, event.api_version) == ("192.0.2.7", "r-1", 2)


# -- relations --------------------------------------------------------------------------------------------------------


def test_tags_are_found_by_their_folded_names_and_made_once(write: Any, make_tag: Any) -> None:
    tag = make_tag("Straße")
    post = write(tags=["STRASSE", "strasse", "Neu", "NEU", "ﬁn", "FIN"])
    assert set(post.tags.values_list("name", flat=True)) == {tag.name, "Neu", "ﬁn"}


def test_an_author_names_no_reader_as_a_co_author_and_an_editor_does(
    author: User, editor: User, make_user: Any, now: Any
) -> None:
    """It would make a profile public that nobody has agreed to."""
    reader, writer = make_user("subscriber"), make_user("author")
    fields: Any = {"title": "A", "content": "a"}
    post = create_post(actor=author, fields={**fields, "co_authors": [writer]}, now=now)
    named: Any = {"co_authors": [writer, reader]}
    for act in (
        lambda: create_post(actor=author, fields={**fields, **named}, now=now),
        lambda: update_post(actor=writer, post=post, changes=named, now=now),
    ):
        with pytest.raises(InvalidInput) as caught:
            act()
        assert codes(caught.value) == [("co_authors", "not_a_writer")]
    assert (Post.objects.get(), [*post.co_authors.all()]) == (post, [writer])
    update_post(actor=editor, post=post, changes=named, now=now)
    update_post(actor=author, post=post, changes={**named, "title": "B"}, now=now)  # those who are there may stay
    assert {*post.co_authors.all()} == {writer, reader}


def test_an_author_is_never_their_own_co_author(write: Any, author: User, make_user: Any) -> None:
    other = make_user("author")
    assert list(write(co_authors=[author, other, other]).co_authors.all()) == [other]


def test_an_absent_field_is_left_alone(write: Any, change: Any, make_user: Any, make_category: Any) -> None:
    post = write(tags=["a"], categories=[make_category("C")], co_authors=[make_user("author")], meta_title="m")
    post = change(post, title="B")
    assert (post.tags.count(), post.categories.count(), post.co_authors.count(), post.meta_title) == (1, 1, 1, "m")


def test_a_category_that_was_deleted_meanwhile_undoes_everything(write: Any, make_category: Any) -> None:
    ghost = make_category("Ghost")
    Category.objects.filter(pk=ghost.pk).delete()
    with pytest.raises(InvalidInput) as caught:
        write(tags=["fresh"], categories=[ghost])
    assert codes(caught.value) == [("categories", "missing")]
    assert [model.objects.count() for model in (Post, Tag, PostRevision)] == [0, 0, 0]
    assert not AuditEvent.objects.filter(action__startswith="post.").exists()


def test_a_duplicate_half_way_leaves_nothing_of_a_change(write: Any, change: Any) -> None:
    write(slug="taken")
    post = write(title="Old", slug="mine", tags=["kept"])
    events = AuditEvent.objects.count()
    with pytest.raises(Duplicate):
        change(post, title="New", slug="taken", tags=["fresh"])
    post.refresh_from_db()
    assert (post.title, post.slug, post.version, post.tags.get().name) == ("Old", "mine", 1, "kept")
    assert (Tag.objects.count(), AuditEvent.objects.count(), Redirect.objects.count()) == (1, events, 0)


def test_a_new_tag_whose_slug_another_name_has_gets_a_number(write: Any, make_tag: Any) -> None:
    make_tag("C", slug="c-1")
    assert write(tags=["C 1"]).tags.get().slug == "c-1-2"


@pytest.mark.parametrize("changes", [{"title": "B"}, {"tags": ["b"]}, {"expires_at": None}])
def test_a_change_beside_the_text_does_not_write_the_text_again(author: User, now: Any, changes: Any) -> None:
    fields: PostFields = {"title": "A", "content": "long", "expires_at": now + datetime.timedelta(days=1)}
    post = create_post(actor=author, fields=fields, now=now)
    with CaptureQueriesContext(connection) as queries:
        update_post(actor=author, post=post, changes=changes, now=now)
    [written] = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "cms_post" ')]
    assert '"content"' not in written
    assert '"content_html"' not in written
    assert Post.objects.get().content == "long"
