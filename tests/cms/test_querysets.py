"""Who sees what: role, state of the post, and whose it is, for posts and for their comments."""

import datetime
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms import policy
from cms.choices import CommentStatus
from cms.models import Category, Comment, Post, User
from cms.policy import SYSTEM, Actor
from cms.services.categories import create_category, update_category
from cms.services.comments import create_comment, delete_comment
from cms.services.post_states import archive_post, trash_post
from cms.services.posts import find_editable_post
from cms.services.user_deletion import delete_user

HOUR = datetime.timedelta(hours=1)
STATES = ("public", "draft", "scheduled", "expired", "private", "archived", "trashed")
ROLES = ("subscriber", "author", "editor", "admin")
VIEWERS = ("anonymous", *ROLES, "own", "co_authored", "own_demoted", "own_suspended", "editor_suspended", "system")
SEE_ALL = ("editor", "admin", "system")
OWNERS = ("own", "co_authored", "own_demoted")


@pytest.fixture
def make_in_state(make_post: Callable[..., Post], now: datetime.datetime) -> Callable[..., Post]:
    special: dict[str, dict[str, Any]] = {
        "draft": {"is_published": False},
        "scheduled": {"published_at": now + HOUR},
        "expired": {"published_at": now - 2 * HOUR, "expires_at": now},
        "private": {"visibility": "private"},
    }

    def make(state: str, **fields: Any) -> Post:
        post = make_post(**{"published_at": now - HOUR, **special.get(state, {}), **fields})
        if state == "archived":
            return archive_post(actor=SYSTEM, post=post, now=now)
        return trash_post(actor=SYSTEM, post=post, now=now) if state == "trashed" else post

    return make


@pytest.fixture
def viewer(author: User, make_user: Callable[..., User]) -> Callable[[str], Actor]:
    """Who looks at a post by `author`, who has a co-author of the name co."""
    co_author = make_user("author", username="co_author")

    def find(name: str) -> Actor:
        author.role = "subscriber" if name == "own_demoted" else "author"
        author.is_active = name != "own_suspended"
        named: dict[str, Actor] = {"anonymous": AnonymousUser(), "co_authored": co_author, "system": SYSTEM}
        if name.startswith("own"):
            return author
        if name == "editor_suspended":
            return make_user("editor", is_active=False)
        return named.get(name) or make_user(name)

    return find


def co_author() -> list[User]:
    return [User.objects.get(username="co_author")]


@pytest.mark.parametrize("name", VIEWERS)
@pytest.mark.parametrize("state", STATES)
def test_who_sees_a_post(make_in_state: Any, viewer: Any, now: Any, state: str, name: str) -> None:
    post, user = make_in_state(state, co_authors=co_author()), viewer(name)
    is_expected = state == "public" or name in SEE_ALL or name in OWNERS
    assert list(Post.objects.visible_to(user, now)) == ([post] if is_expected else [])
    assert list(Post.objects.public(now)) == ([post] if state == "public" else [])
    assert post.is_public(now) == (state == "public")


@pytest.mark.parametrize("name", VIEWERS)
def test_what_somebody_sees_in_parts(make_in_state: Any, viewer: Any, now: Any, name: str) -> None:
    for state in STATES:
        make_in_state(state, title=state, co_authors=co_author())
    user = viewer(name)
    if isinstance(user, User):
        make_in_state("draft", title="own", author=user).co_authors.add(user)  # whoever is both sees it once
    seen = [post for part in Post.objects.visible_parts(user, now) for post in part]
    assert len(seen) == len(set(seen))
    assert set(seen) == set(Post.objects.visible_to(user, now))


@pytest.mark.parametrize("name", VIEWERS)
@pytest.mark.parametrize("state", STATES)
def test_who_changes_a_post_by_query_and_by_predicate(
    make_in_state: Any, viewer: Any, now: Any, state: str, name: str
) -> None:
    post, user = make_in_state(state, co_authors=co_author()), viewer(name)
    is_expected = name in SEE_ALL or name in ("own", "co_authored")
    assert Post.objects.editable_by(user).exists() == is_expected
    assert policy.may_edit_post(user, post) == is_expected
    author_ids = {post.author_id, *post.co_authors.values_list("pk", flat=True)}
    assert policy.may_edit_post_of(user, author_ids) == is_expected
    wanted = post if is_expected else None
    assert [find_editable_post(user, name) for name in (str(post.pk), post.slug)] == [wanted, wanted]


@pytest.mark.parametrize("name", VIEWERS)
def test_whoever_may_change_a_post_sees_it_in_every_state(make_in_state: Any, viewer: Any, now: Any, name: str) -> None:
    """`find_editable_post` relies on it."""
    for state in STATES:
        make_in_state(state, title=state, co_authors=co_author())
    user = viewer(name)
    assert not Post.objects.editable_by(user).exclude(pk__in=Post.objects.visible_to(user, now).values("pk"))


def test_a_hidden_post_costs_a_stranger_what_one_that_is_not_there_costs(make_in_state: Any, viewer: Any) -> None:
    """Else its answers' times would tell which posts there are, and how long they are."""
    post, costs = make_in_state("draft", content="Long. " * 10_000), []
    strangers = [viewer(role) for role in ("author", "subscriber", "anonymous")]
    for name in (str(post.pk), "01900000-0000-7000-8000-000000000000", post.slug, "nothing"):
        for user in strangers:
            with CaptureQueriesContext(connection) as queries:
                assert find_editable_post(user, name) is None
            costs.append(len(queries))
    assert costs == [1, 0, 0] * 4


def test_no_post_is_found_to_be_changed_by_a_name_that_nobody_has(make_post: Any) -> None:
    make_post()
    assert [find_editable_post(SYSTEM, name) for name in ("nothing", "01900000-0000-7000-8000-000000000000")] == [
        None
    ] * 2


@pytest.mark.parametrize("name", VIEWERS)
@pytest.mark.parametrize("state", STATES)
def test_who_sees_the_comments_of_a_post(make_in_state: Any, viewer: Any, now: Any, state: str, name: str) -> None:
    post, user = make_in_state(state, co_authors=co_author()), viewer(name)
    for status in CommentStatus:
        fields: Any = {"text": status.value, "author_name": "Guest", "status": status}
        create_comment(actor=SYSTEM, post=post, fields=fields, now=now)
    if name in SEE_ALL:
        expected = {"pending", "published", "rejected", "spam"}
    else:
        expected = {"published"} if state == "public" or name in OWNERS else set()
    assert set(Comment.objects.visible_to(user, now).values_list("text", flat=True)) == expected


@pytest.mark.parametrize("status", CommentStatus)
def test_a_reader_sees_their_own_comments_where_they_may_read(
    make_in_state: Any, make_user: Any, now: Any, status: CommentStatus
) -> None:
    reader = make_user()
    open_post, hidden = make_in_state("public"), make_in_state("draft")
    for post in (open_post, hidden):
        create_comment(actor=SYSTEM, post=post, fields={"text": "a", "author": reader, "status": status}, now=now)
    seen = list(Comment.objects.visible_to(reader, now).values_list("post", flat=True))
    assert seen == ([] if status == "deleted" else [open_post.pk])


def test_a_deleted_comment_keeps_its_place_while_somebody_reads_an_answer(
    make_post: Any, editor: User, now: Any
) -> None:
    post = make_post()

    def write(**fields: Any) -> Comment:
        values: Any = {"text": "a", "author": editor, "status": "published", **fields}
        return create_comment(actor=SYSTEM, post=post, fields=values, now=now)

    top, lonely, waiting = write(), write(), write()
    middle = write(parent=top)
    answer = write(parent=middle)
    pending = write(parent=waiting, status="pending")
    for comment in (top, lonely, waiting, middle):
        delete_comment(actor=editor, comment=comment, now=now)
    thread = Comment.objects.visible_to(AnonymousUser(), now).in_thread_order()
    assert [(each, each.text) for each in thread] == [(top, ""), (middle, ""), (answer, "a")]
    for_editors = Comment.objects.visible_to(editor, now).in_thread_order()
    assert list(for_editors) == [top, middle, answer, waiting, pending]
    delete_comment(actor=editor, comment=answer, now=now)
    assert not Comment.objects.visible_to(AnonymousUser(), now).exists()


def test_a_post_appears_and_goes_on_the_instant(make_in_state: Any, now: Any) -> None:
    make_in_state("scheduled", expires_at=now + 2 * HOUR)
    tick = datetime.timedelta(microseconds=1)
    instants = (now + HOUR - tick, now + HOUR, now + 2 * HOUR - tick, now + 2 * HOUR)
    assert [Post.objects.visible_to(AnonymousUser(), instant).count() for instant in instants] == [0, 1, 1, 0]


def test_co_authors_and_tags_repeat_no_row(make_post: Any, make_user: Any, now: Any) -> None:
    people = [make_user("author") for _ in range(3)]
    make_post(co_authors=people, tags=["a", "b", "c"])
    assert Post.objects.visible_to(people[0], now).count() == 1
    assert Post.objects.editable_by(people[0]).count() == 1


def test_lists_of_posts_leave_out_pages_and_trash(make_in_state: Any, now: Any) -> None:
    post, _ = make_in_state("public"), make_in_state("public", kind="page")
    trashed, draft = make_in_state("trashed"), make_in_state("draft")
    assert set(Post.objects.posts()) == {post, trashed, draft}
    assert set(Post.objects.posts().not_trashed()) == {post, draft}
    assert set(Post.objects.posts().live()) == {post}


def test_a_post_is_found_by_id_or_by_slug(make_post: Any) -> None:
    post = make_post(slug="deadbeef")
    for key in (str(post.pk), post.pk.hex, str(post.pk).upper(), "deadbeef"):
        assert Post.objects.with_slug_or_id(key).get() == post
    for key in ("", "DEADBEEF", "{" + post.pk.hex + "}", "urn:" + post.pk.hex, post.pk.hex[:-1]):
        assert not Post.objects.with_slug_or_id(key).exists()


def test_an_inactive_category_is_seen_by_editors_only(make_user: Any, editor: User, now: Any) -> None:
    category = create_category(actor=SYSTEM, fields={"name": "A"}, now=now)
    update_category(actor=SYSTEM, category=category, changes={"is_active": False}, now=now)
    assert list(Category.objects.visible_to(editor)) == [category]
    for user in (AnonymousUser(), make_user("author")):
        assert not Category.objects.visible_to(user).exists()


@pytest.mark.parametrize("name", ["mia", "MIA", "mia@example.org", "MIA@example.ORG"])
def test_a_user_is_found_by_either_name_in_any_case(make_user: Any, name: str) -> None:
    user = make_user(username="Mia", email="Mia@Example.org")
    assert User.objects.named(name).get() == user
    assert User.objects.get_by_natural_key("mIa") == user


def test_every_pair_of_filters_keeps_the_rule_of_visibility(make_in_state: Any, now: Any) -> None:
    """Chained in either order, no filter brings back what `visible_to` left out."""
    for state in STATES:
        make_in_state(state)
    anyone = AnonymousUser()
    for name, other in itertools.permutations(("posts", "live", "not_trashed"), 2):
        before = getattr(getattr(Post.objects.all(), name)(), other)().visible_to(anyone, now)
        after = getattr(getattr(Post.objects.visible_to(anyone, now), name)(), other)()
        assert before.count() == after.count() == 1


@pytest.mark.parametrize(("role", "others"), [("subscriber", 0), ("author", 0), ("editor", 0), ("admin", 2)])
def test_whole_accounts_are_seen_by_their_owners_and_by_admins(
    role: str, others: int, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    viewer = make_user(role)
    make_user("author")
    make_user(is_active=False)
    delete_user(actor=SYSTEM, user=make_user(), now=now)
    seen = set(User.objects.accounts_visible_to(viewer))
    assert viewer in seen
    assert len(seen) == 1 + others
    assert not User.objects.accounts_visible_to(AnonymousUser())


@pytest.mark.parametrize("state", STATES)
def test_a_profile_is_as_hidden_as_the_posts_that_its_user_co_wrote(
    make_in_state: Any, make_user: Callable[..., User], author: User, now: Any, state: str
) -> None:
    co_author = make_user("author", username="co_author")
    make_in_state(state, co_authors=[co_author])
    strangers = [AnonymousUser(), make_user("subscriber"), make_user("author")]
    seen = [co_author in User.objects.visible_to(reader, now) for reader in (author, *strangers)]
    assert seen == [True, *[state == "public"] * 3]
