"""Revisions: reading and comparing them, drafts made of them, and drafts applied to their post."""

import datetime
import difflib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.errors import Duplicate, InvalidInput, NotFound, PermissionRefused, VersionConflict
from cms.models import Post, PostRevision, User
from cms.policy import SYSTEM
from cms.services import post_states
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision
from cms.services.revisions import compare_revisions, current_revision, get_revision, list_revisions
from tests.processor import processor_time

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def post(make_post: Callable[..., Post], now: datetime.datetime) -> Post:
    """Published, with two revisions: the first says "One", the second "Two"."""
    post = make_post(title="One", content="First line.\nSame.", slug="one")
    changes: Any = {"title": "Two", "content": "New line.\nSame.", "slug": "two", "meta_title": "Meta"}
    return update_post(actor=SYSTEM, post=post, changes=changes, now=now)


def row_of(post: Post) -> dict[str, Any]:
    return dict(Post.objects.filter(pk=post.pk).values().get())


def test_revisions_are_listed_newest_first(post: Post, author: User) -> None:
    assert [revision.number for revision in list_revisions(actor=author, post=post)] == [2, 1]
    assert get_revision(actor=author, post=post, number=1).snapshot["title"] == "One"
    with pytest.raises(NotFound):
        get_revision(actor=author, post=post, number=3)


def test_two_revisions_are_compared_field_by_field(post: Post, author: User) -> None:
    older, newer = (get_revision(actor=author, post=post, number=number) for number in (1, 2))
    changes = {change.field: change for change in compare_revisions(actor=author, older=older, newer=newer)}
    assert changes.keys() == {"title", "slug", "content", "excerpt", "meta_title"}
    assert (changes["title"].before, changes["title"].after, changes["title"].diff) == ("One", "Two", None)
    assert changes["content"].diff == "@@ -1,2 +1,2 @@\n-First line.\n+New line.\n Same."
    back = {change.field: change for change in compare_revisions(actor=author, older=newer, newer=older)}
    assert back["content"].diff == "@@ -1,2 +1,2 @@\n-New line.\n+First line.\n Same."
    assert compare_revisions(actor=author, older=newer, newer=newer) == []


def test_a_revision_from_before_a_field_existed_can_be_compared(post: Post, author: User) -> None:
    first = get_revision(actor=author, post=post, number=1)
    del first.snapshot["meta_title"]
    changes = compare_revisions(actor=author, older=first, newer=current_revision(post))
    assert ("meta_title", None, "Meta") in [(change.field, change.before, change.after) for change in changes]


def test_revisions_of_two_posts_are_not_compared(post: Post, make_post: Callable[..., Post], editor: User) -> None:
    other = make_post().revisions.get()
    with pytest.raises(InvalidInput):
        compare_revisions(actor=editor, older=other, newer=post.revisions.first())


def test_texts_of_a_million_characters_are_compared_in_bounded_time(post: Post, editor: User) -> None:
    """Every other line changed: Python's own matcher takes minutes for this."""
    texts = ("\n".join(f"{odd}{i}" if i % 2 else f"same {i}" for i in range(90_000)) for odd in ("old ", "new "))
    older, newer = (PostRevision(post=post, snapshot={"content": text}) for text in texts)
    with processor_time() as spent:
        (change,) = compare_revisions(actor=editor, older=older, newer=newer)
    assert spent.seconds < 5
    assert change.diff is not None
    assert change.diff.count("\n-old ") == change.diff.count("\n+new ") == 45_000


def test_short_diffs_are_those_that_everybody_knows(post: Post, editor: User) -> None:
    old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj"
    new = "a\nX\nc\nd\ne\nf\ng\nh\ni\nj\nk"
    older, newer = (PostRevision(post=post, snapshot={"content": text}) for text in (old, new))
    (change,) = compare_revisions(actor=editor, older=older, newer=newer)
    known = list(difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm=""))[2:]
    assert change.diff == "\n".join(known)


@pytest.mark.parametrize("state", ["published", "draft", "trashed"])
def test_restoring_writes_a_draft_and_touches_nothing_else(post: Post, author: User, now: Any, state: str) -> None:
    change: Any = {"draft": post_states.unpublish_post, "trashed": post_states.trash_post}.get(state)
    if change:
        post = change(actor=author, post=post, now=now)
    before = row_of(post)
    draft = restore_revision(actor=author, post=post, number=1, now=now + MINUTE)
    assert row_of(post) == before
    assert (draft.number, draft.is_draft, draft.reason, draft.author) == (3, True, "restored from 1", author)
    assert draft.snapshot == get_revision(actor=author, post=post, number=1).snapshot


def test_a_draft_is_applied_like_any_other_change(post: Post, author: User, now: Any, events_of: Any) -> None:
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    after = apply_revision(actor=author, post=post, number=draft.number, now=now + MINUTE)
    assert (after.title, after.slug, after.content, after.meta_title) == ("One", "one", "First line.\nSame.", "")
    assert (after.status, after.version, after.updated_at) == ("published", post.version + 1, now + MINUTE)
    assert (after.excerpt, after.is_excerpt_derived) == ("First line. Same.", True)
    assert after.redirects.get().old_path == "/posts/two"
    assert events_of(post)[-2:] == ["post.revision_restored", "post.updated"]
    numbers = list_revisions(actor=author, post=post).values_list("number", "is_draft")
    assert list(numbers) == [(4, False), (3, False), (2, False), (1, False)]


def test_an_excerpt_of_ones_own_comes_back_as_it_was(make_post: Callable[..., Post], author: User, now: Any) -> None:
    post = make_post(excerpt="By hand.")
    post = update_post(actor=author, post=post, changes={"excerpt": ""}, now=now)
    assert post.is_excerpt_derived
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    after = apply_revision(actor=author, post=post, number=draft.number, now=now)
    assert (after.excerpt, after.is_excerpt_derived) == ("By hand.", False)


def test_only_drafts_are_applied_and_each_of_them_once(post: Post, author: User, now: Any) -> None:
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    apply_revision(actor=author, post=post, number=draft.number, now=now)
    for number in (1, draft.number, 99):
        with pytest.raises(NotFound):
            apply_revision(actor=author, post=post, number=number, now=now)


def test_an_address_that_another_post_has_by_now_is_not_taken_from_it(
    post: Post, make_post: Callable[..., Post], author: User, now: Any
) -> None:
    make_post(slug="one")
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    with pytest.raises(Duplicate):
        apply_revision(actor=author, post=post, number=draft.number, now=now)
    assert (Post.objects.get(pk=post.pk).title, PostRevision.objects.get(pk=draft.pk).is_draft) == ("Two", True)


@pytest.mark.parametrize("who", ["anonymous", "subscriber", "author", "demoted"])
def test_revisions_are_for_those_who_may_change_their_post(
    post: Post, author: User, make_user: Callable[..., User], now: Any, who: str
) -> None:
    if who == "demoted":
        User.objects.filter(pk=author.pk).update(role="subscriber")
    people: Any = {"anonymous": AnonymousUser(), "demoted": User.objects.get(pk=author.pk)}
    actor = people.get(who) or make_user(who, username="somebody_else")
    first = post.revisions.first()
    assert not list_revisions(actor=actor, post=post).exists()
    with pytest.raises(NotFound):
        get_revision(actor=actor, post=post, number=1)
    with pytest.raises(NotFound):
        compare_revisions(actor=actor, older=first, newer=first)
    for act in (restore_revision, apply_revision):
        with pytest.raises(PermissionRefused):
            act(actor=actor, post=post, number=1, now=now)  # type: ignore[operator]


def test_a_co_author_restores_too(post: Post, make_user: Callable[..., User], now: Any) -> None:
    co_author = make_user("author")
    post.co_authors.add(co_author)
    assert restore_revision(actor=co_author, post=post, number=1, now=now).author == co_author


# -- the version that a caller has read ------------------------------------------------------------------------------

CHANGES: Any = {
    "update": lambda **kw: update_post(changes={"title": "Three"}, **kw),
    "publish": post_states.publish_post,
    "unpublish": post_states.unpublish_post,
    "archive": post_states.archive_post,
    "trash": post_states.trash_post,
    "restore": post_states.restore_post,
    "restore_revision": lambda **kw: restore_revision(number=1, **kw),
    "apply_revision": lambda **kw: apply_revision(number=1, **kw),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_made_on_another_version_is_refused_and_told_the_current_one(
    post: Post, author: User, now: Any, name: str
) -> None:
    before = row_of(post)
    for stale in (post.version - 1, post.version + 1, 0):
        with pytest.raises(VersionConflict) as caught:
            CHANGES[name](actor=author, post=post, now=now, expected_version=stale)
        assert (caught.value.code, caught.value.current) == ("version_conflict", post.version)
    assert row_of(post) == before


@pytest.mark.parametrize("name", ["update", "unpublish", "archive", "trash"])
def test_a_change_made_on_the_current_version_goes_through(post: Post, author: User, now: Any, name: str) -> None:
    after = CHANGES[name](actor=author, post=post, now=now, expected_version=post.version)
    assert after.version == post.version + 1


def test_strangers_are_not_told_the_version(post: Post, make_user: Callable[..., User], now: Any) -> None:
    with pytest.raises(PermissionRefused):
        update_post(actor=make_user("author"), post=post, changes={"title": "X"}, now=now, expected_version=99)


def test_of_two_writers_who_read_the_same_version_one_is_refused(
    post: Post, author: User, now: Any, in_threads: Callable[..., list[Any]]
) -> None:
    def write(title: str) -> Callable[[], Post]:
        return lambda: update_post(
            actor=author, post=post, changes={"title": title}, now=now, expected_version=post.version
        )

    results = in_threads([write(f"Title {number}") for number in range(4)])
    assert sorted(type(result).__name__ for result in results) == ["Post", *["VersionConflict"] * 3]
    assert Post.objects.get(pk=post.pk).version == post.version + 1


def test_categories_that_an_author_is_not_shown_stay_when_the_list_is_given_anew(
    make_post: Callable[..., Post], make_category: Any, author: User, editor: User, now: Any
) -> None:
    shown, other, off = make_category("Shown"), make_category("Other"), make_category("Off", is_active=False)
    post = make_post(categories=[shown, off])
    update_post(actor=author, post=post, changes={"categories": [other]}, now=now)
    assert set(post.categories.all()) == {other, off}
    update_post(actor=editor, post=post, changes={"categories": [other]}, now=now)
    assert set(post.categories.all()) == {other}
