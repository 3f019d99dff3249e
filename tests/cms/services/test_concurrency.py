"""Writers at the same time, on PostgreSQL: what the services promise under locks and constraints."""

import datetime
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from cms import limits
from cms.errors import (
    CmsError,
    Duplicate,
    InUse,
    InvalidInput,
    InvalidToken,
    InvalidTransition,
    LastAdmin,
    NotFound,
    TooManyKeys,
)
from cms.models import ApiKey, AuthSession, Category, Post, Redirect, Tag, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.categories import create_category, delete_category, update_category
from cms.services.comments import create_comment
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import create_post, update_post
from cms.services.sessions import open_session, refresh_session
from cms.services.tags import create_tag, delete_tag, update_tag
from cms.services.trash import purge_post
from cms.services.user_deletion import delete_user
from cms.services.users import create_user, register_user, update_user
from tests.cms.services.conftest import wait_until_waited_for

THREADS = 8
OPERATIONS = 40
NAMES = tuple(f"tag {n}" for n in range(8))
pytestmark = pytest.mark.django_db(transaction=True)
InThreads = Callable[..., list[Any]]


def failures(results: list[Any], *expected: type[CmsError]) -> list[Exception]:
    """What was raised and is none of the errors that a caller may expect: deadlocks, integrity errors, bugs."""
    return [result for result in results if isinstance(result, Exception) and not isinstance(result, expected)]


def assert_counts_equal_a_recount() -> None:
    now = datetime.datetime.now(datetime.UTC)
    public = Post.objects.public(now).posts()
    assert set(Post.objects.filter(is_counted=True)) == set(public)
    for tag in Tag.objects.all():
        assert tag.usage_count == public.filter(tags=tag).count(), tag
    for category in Category.objects.all():
        assert category.post_count == public.filter(categories=category).count(), category


def draft(author: User, now: datetime.datetime, **fields: Any) -> Post:
    values: Any = {"title": "Same title", "content": "a", **fields}
    return create_post(actor=SYSTEM, fields=values, now=now, author=author)


def test_the_same_title_eight_times_at_once_gives_eight_slugs(in_threads: InThreads, author: User, now: Any) -> None:
    for _ in range(3):
        assert failures(in_threads([partial(draft, author, now)] * THREADS)) == []
    slugs = set(Post.objects.values_list("slug", flat=True))
    assert slugs == {"same-title"} | {f"same-title-{n}" for n in range(2, 25)}


def test_posts_that_make_the_same_tags_in_any_order_share_them(in_threads: InThreads, author: User, now: Any) -> None:
    rng = random.Random(7)
    for turn in range(5):
        names = [f"{turn} {name}" for name in NAMES]
        orders = [rng.sample(names, len(names)) for _ in range(THREADS)]
        assert failures(in_threads(partial(draft, author, now, tags=order) for order in orders)) == []
    assert Tag.objects.count() == 5 * len(NAMES)


@pytest.mark.parametrize("noun", ["tag", "category"])
def test_one_of_many_twins_is_made_and_the_rest_are_duplicates(in_threads: InThreads, noun: str, now: Any) -> None:
    """Their chosen slugs differ, so that only the name is in the way."""
    create: Any = create_tag if noun == "tag" else create_category
    jobs = [
        partial(create, actor=SYSTEM, fields={"name": "Twin", "slug": f"twin-{number}"}, now=now)
        for number in range(THREADS)
    ]
    results = in_threads(jobs)
    assert failures(results, Duplicate) == []
    assert sum(not isinstance(result, Duplicate) for result in results) == 1


@pytest.mark.parametrize("field", ["name", "slug"])
@pytest.mark.parametrize("noun", ["tag", "category"])
def test_one_of_many_renamed_at_once_gets_the_name(in_threads: InThreads, noun: str, field: str, now: Any) -> None:
    create: Any = create_tag if noun == "tag" else create_category
    update: Any = update_tag if noun == "tag" else update_category
    rows = [create(actor=SYSTEM, fields={"name": f"Row {n}"}, now=now) for n in range(THREADS)]
    jobs = [partial(update, actor=SYSTEM, **{noun: row}, changes={field: "wanted"}, now=now) for row in rows]
    results = in_threads(jobs)
    assert failures(results, Duplicate) == []
    assert sum(not isinstance(result, Duplicate) for result in results) == 1


def test_one_of_many_posts_gets_the_slug(in_threads: InThreads, author: User, now: Any) -> None:
    posts = [draft(author, now) for _ in range(THREADS)]
    jobs = [partial(update_post, actor=SYSTEM, post=post, changes={"slug": "wanted"}, now=now) for post in posts]
    results = in_threads(jobs)
    assert failures(results, Duplicate) == []
    assert (Post.objects.filter(slug="wanted").count(), Redirect.objects.count()) == (1, 1)


def test_one_of_many_registrations_gets_the_name(in_threads: InThreads, now: Any) -> None:
    jobs = [
        partial(
            register_user,
            fields={"username": "Mia" if number % 2 else "mIA", "email": f"{number // 2}@example.org"},
            password="tall trees in a row",
            now=now,
        )
        for number in range(4)
    ]
    results = in_threads(jobs)
    assert failures(results, Duplicate) == []
    assert User.objects.count() == 1


@pytest.mark.parametrize("field", ["username", "email"])
def test_a_name_that_is_taken_while_it_is_asked_for_is_a_duplicate_and_the_block_around_goes_on(
    in_threads: InThreads, now: Any, field: str
) -> None:
    fields = [{"username": f"mia_{number}", "email": f"{number}@example.org"} for number in range(2)]
    fields[1][field] = fields[0][field].upper()
    is_inserted = threading.Event()

    def create(number: int) -> User:
        return create_user(actor=SYSTEM, fields=fields[number], password=None, now=now)  # type: ignore[arg-type]

    def first() -> None:
        with transaction.atomic():
            create(0)
            is_inserted.set()
            wait_until_waited_for()

    def second() -> int:
        assert is_inserted.wait(60)
        with transaction.atomic():
            with pytest.raises(Duplicate) as refused:
                create(1)
            assert refused.value.field == field
            return len(User.objects.all())

    assert in_threads([first, second]) == [None, 1]


def test_a_comment_on_a_post_that_is_being_deleted_is_told_so(
    in_threads: InThreads, author: User, admin: User, now: Any
) -> None:
    """It passed, and was an error of the server when its transaction ended."""
    post = trash_post(actor=SYSTEM, post=draft(author, now), now=now)
    is_deleted = threading.Event()

    def purge() -> None:
        with transaction.atomic():
            purge_post(actor=admin, post=post, now=now)
            is_deleted.set()
            wait_until_waited_for()

    def comment() -> None:
        assert is_deleted.wait(60)
        with pytest.raises(NotFound):
            create_comment(actor=author, post=post, fields={"text": "Well said."}, now=now)

    assert in_threads([purge, comment]) == [None, None]


def test_changes_of_one_post_come_one_after_the_other(in_threads: InThreads, author: User, now: Any) -> None:
    post = draft(author, now)
    jobs = [
        partial(update_post, actor=author, post=post, changes={"title": f"Title {n}"}, now=now) for n in range(THREADS)
    ]
    assert failures(in_threads(jobs)) == []
    post.refresh_from_db()
    numbers = list(post.revisions.order_by("number").values_list("number", flat=True))
    assert (post.version, numbers) == (1 + THREADS, list(range(1, 2 + THREADS)))


def random_acts(rng: random.Random, posts: list[Post], author: User, now: datetime.datetime) -> Iterator[Any]:
    """What editors do all day to posts that share their terms."""
    categories = list(Category.objects.all())
    states = (publish_post, unpublish_post, archive_post, trash_post, restore_post)
    for _ in range(OPERATIONS):
        post, act = rng.choice(posts), rng.random()
        terms: Any = {"tags": rng.sample(NAMES, rng.randint(0, 5)), "categories": rng.sample(categories, 2)}
        if act < 0.5:
            yield partial(rng.choice(states), actor=author, post=post, now=now)
        elif act < 0.85:
            yield partial(update_post, actor=author, post=post, changes=terms, now=now)
        else:
            yield partial(draft, author, now, **terms)


def run_all(acts: list[Any]) -> list[Exception]:
    raised: list[Exception] = []
    for act in acts:
        try:
            act()
        except InvalidTransition:
            pass
        except Exception as error:
            raised.append(error)
    return raised


def test_counts_stay_right_under_eight_writers(in_threads: InThreads, author: User, now: Any) -> None:
    for number in range(3):
        create_category(actor=SYSTEM, fields={"name": f"Category {number}"}, now=now)
    posts = [draft(author, now, tags=NAMES[:3]) for _ in range(6)]
    untouched = draft(author, now, tags=NAMES, categories=list(Category.objects.all()))
    publish_post(actor=SYSTEM, post=untouched, now=now)
    jobs = [partial(run_all, list(random_acts(random.Random(seed), posts, author, now))) for seed in range(THREADS)]
    assert [error for raised in in_threads(jobs) for error in raised] == []
    assert_counts_equal_a_recount()
    assert not Tag.objects.filter(usage_count=0).exists()


def test_terms_are_deleted_under_the_hands_of_writers(in_threads: InThreads, author: User, now: Any) -> None:
    """A post gets its terms or an answer that names what is missing, never a broken link or a crash."""
    posts = [draft(author, now) for _ in range(4)]
    for turn in range(10):
        doomed = create_category(actor=SYSTEM, fields={"name": f"Doomed {turn}"}, now=now)
        tag = create_tag(actor=SYSTEM, fields={"name": f"doomed {turn}"}, now=now)
        changes: Any = {"tags": [tag.name, NAMES[turn % 8]], "categories": [doomed]}
        jobs: list[Any] = [partial(update_post, actor=SYSTEM, post=post, changes=changes, now=now) for post in posts]
        jobs += [partial(delete_category, actor=SYSTEM, category=doomed), partial(delete_tag, actor=SYSTEM, tag=tag)]
        jobs += [partial(create_category, actor=SYSTEM, fields={"name": "Child", "parent": doomed}, now=now)]
        assert failures(in_threads(jobs), InUse, InvalidInput, NotFound, Duplicate) == []
    assert_counts_equal_a_recount()


def test_two_moves_at_once_close_no_cycle(in_threads: InThreads, now: Any) -> None:
    for turn in range(5):
        one, two = (create_category(actor=SYSTEM, fields={"name": f"{turn} {n}"}, now=now) for n in range(2))
        results = in_threads(
            partial(update_category, actor=SYSTEM, category=child, changes={"parent": parent}, now=now)
            for child, parent in ((one, two), (two, one))
        )
        assert failures(results, InvalidInput) == []
        assert sum(isinstance(result, InvalidInput) for result in results) == 1


def demote(actor: User, user: User, now: datetime.datetime) -> User:
    return update_user(actor=actor, user=user, changes={"role": "editor"}, now=now)


def suspend(actor: User, user: User, now: datetime.datetime) -> User:
    return update_user(actor=actor, user=user, changes={"is_active": False}, now=now)


def delete(actor: User, user: User, now: datetime.datetime) -> User:
    return delete_user(actor=actor, user=user, now=now)


def active_admins() -> int:
    return User.objects.filter(role="admin", is_active=True).count()


@pytest.mark.parametrize("acts", [(demote, demote), (suspend, suspend), (delete, delete), (delete, demote)])
def test_two_admins_who_remove_each_other_leave_one(
    in_threads: InThreads, make_user: Any, now: Any, acts: tuple[Any, Any]
) -> None:
    for _ in range(5):
        one, two = make_user("admin"), make_user("admin")
        results = in_threads([partial(acts[0], one, two, now), partial(acts[1], two, one, now)])
        assert failures(results, LastAdmin) == []
        assert (sum(isinstance(result, LastAdmin) for result in results), active_admins()) == (1, 1)
        User.objects.filter(role="admin").update(role="author")


def test_many_admins_removed_in_any_order_leave_one(in_threads: InThreads, make_user: Any, now: Any) -> None:
    rng = random.Random(7)
    for _ in range(3):
        admins = [make_user("admin") for _ in range(THREADS)]
        acts = [(rng.choice((demote, suspend, delete)), admin) for admin in rng.sample(admins, THREADS)]
        results = in_threads(partial(act, SYSTEM, admin, now) for act, admin in acts)
        assert failures(results, LastAdmin) == []
        assert (sum(isinstance(result, LastAdmin) for result in results), active_admins()) == (1, 1)
        User.objects.filter(role="admin").update(role="author")


def test_an_admin_made_meanwhile_counts_as_one(in_threads: InThreads, make_user: Any, now: Any) -> None:
    """The role that decides is the one under the lock: the user who was asked for is an author still."""
    for _ in range(5):
        only, author = make_user("admin"), make_user("author")
        promote = partial(update_user, actor=SYSTEM, user=author, changes={"role": "admin"}, now=now)
        jobs = [promote, partial(demote, SYSTEM, author, now), partial(delete, SYSTEM, only, now)]
        assert failures(in_threads(jobs), LastAdmin) == []
        assert active_admins() >= 1
        User.objects.filter(role="admin").update(role="author")


@pytest.mark.parametrize("role", ["subscriber", "admin"])
@pytest.mark.parametrize("act", [demote, suspend, delete])
def test_removing_a_user_locks_no_other_admin(
    in_threads: InThreads, make_user: Any, now: Any, role: str, act: Any
) -> None:
    """An admin who signs in meanwhile changes his own row."""
    admin, user = make_user("admin"), make_user(role)

    def lock() -> User:
        with transaction.atomic():
            return User.objects.select_for_update(nowait=True).get(pk=admin.pk)

    with transaction.atomic():
        act(SYSTEM, user, now)
        assert in_threads([lock]) == [admin]


def test_one_refresh_token_used_eight_times_at_once_wins_once(in_threads: InThreads, author: User, now: Any) -> None:
    for _ in range(10):
        pair = open_session(user=author, now=now)
        results = in_threads([partial(refresh_session, refresh_token=pair.refresh_token, now=now)] * THREADS)
        assert failures(results, InvalidToken) == []
        assert sum(not isinstance(result, InvalidToken) for result in results) == 1
        session = AuthSession.objects.get(pk=pair.session_id)
        assert (session.generation, session.revoked_at) == (2, now)


def test_no_session_outlives_a_suspension_that_runs_at_the_same_time(
    in_threads: InThreads, make_user: Any, now: Any
) -> None:
    for _ in range(5):
        user = make_user()
        jobs: list[Any] = [partial(open_session, user=user, now=now)] * 3
        jobs.append(partial(update_user, actor=SYSTEM, user=user, changes={"is_active": False}, now=now))
        assert failures(in_threads(jobs), CmsError) == []
        assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()


def test_a_post_may_be_published_once(in_threads: InThreads, author: User, now: Any) -> None:
    post = draft(author, now, tags=["once"])
    results = in_threads([partial(publish_post, actor=author, post=post, now=now)] * THREADS)
    assert failures(results, InvalidTransition) == []
    assert sum(isinstance(result, Post) for result in results) == 1
    assert Tag.objects.get().usage_count == 1


def test_every_id_is_a_uuid_of_its_own(in_threads: InThreads, author: User, now: Any) -> None:
    ids = [post.pk for post in in_threads([partial(draft, author, now)] * THREADS)]
    assert len(set(ids)) == THREADS
    assert {uuid.UUID(str(pk)).version for pk in ids} == {7}


def test_no_key_outlives_a_suspension_that_ran_at_the_same_time(
    in_threads: InThreads, make_user: Callable[..., User], now: Any
) -> None:
    fields: Any = {"name": "Robot", "scopes": ["posts:read"]}
    for turn in range(5):
        owner = make_user("author", username=f"owner_{turn}")
        issue = partial(create_api_key, actor=SYSTEM, owner=owner, fields=fields, now=now)
        suspend = partial(update_user, actor=SYSTEM, user=owner, changes={"is_active": False}, now=now)
        assert failures(in_threads([issue, issue, suspend, issue, issue]), InvalidInput) == []
        assert not ApiKey.objects.filter(owner=owner, is_active=True).exists()


def test_new_keys_at_the_same_time_stay_within_the_owners_limit(
    in_threads: InThreads, author: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_KEYS_MAX", 3)
    fields: Any = {"name": "Robot", "scopes": ["posts:read"]}
    issue = partial(create_api_key, actor=SYSTEM, owner=author, fields=fields, now=now)
    issue()
    assert failures(in_threads([issue] * THREADS), TooManyKeys) == []
    assert ApiKey.objects.filter(owner=author).live(now).count() == 3
