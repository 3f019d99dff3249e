"""Who sees and who changes a post: by role, state of the post, and whose it is."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms import policy
from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.posts import find_editable_post
from tests.cms.querysets.viewers import OWNERS, SEE_ALL, STATES, VIEWERS, co_author


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
