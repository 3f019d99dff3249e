"""Drafts of what is not saved: one for each writer, out of sight for others, and gone when it is saved."""

from collections.abc import Callable
from datetime import datetime

import pytest

from cms.errors import InvalidInput, NotFound, PermissionRefused
from cms.models import AuditEvent, Post, User
from cms.policy import SYSTEM
from cms.services.drafts import autosave_post, base_of_draft, discard_draft, find_draft, waiting_drafts
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision
from cms.services.revisions import list_revisions


def test_a_writer_has_one_autosaved_draft_that_changes_nothing_readers_see(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(title="Saved", content="Saved.")
    before = Post.objects.get()
    for text in ("One", "Two"):
        autosave_post(actor=author, post=post, texts={"title": "", "content": text}, base_revision=1, now=now)
    draft = post.revisions.get(is_draft=True)
    assert (draft.snapshot["title"], draft.snapshot["content"], draft.author) == ("", "Two", author)
    assert base_of_draft(draft) == 1
    after = Post.objects.get()
    assert (after.version, after.updated_at, after.content) == (before.version, before.updated_at, "Saved.")


def test_texts_as_they_are_saved_leave_no_draft(author: User, make_post: Callable[..., Post], now: datetime) -> None:
    post = make_post(title="Saved", content="Saved.")
    autosave_post(actor=author, post=post, texts={"content": "Other"}, base_revision=1, now=now)
    assert autosave_post(actor=author, post=post, texts={"content": "Saved."}, base_revision=1, now=now) is None
    assert not post.revisions.filter(is_draft=True).exists()


def test_the_drafts_of_two_writers_do_not_touch(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    mine = autosave_post(actor=author, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    theirs = autosave_post(actor=editor, post=post, texts={"content": "Theirs"}, base_revision=1, now=now)
    restored = restore_revision(actor=editor, post=post, number=1, now=now)
    assert mine
    assert theirs
    assert {row.pk for row in waiting_drafts(actor=author, post=post)} == {mine.pk, restored.pk}
    assert find_draft(author, post, theirs.number) is None


def test_a_draft_is_discarded_once(author: User, make_post: Callable[..., Post], now: datetime) -> None:
    post = make_post(content="Saved.")
    draft = autosave_post(actor=author, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    assert draft
    discard_draft(actor=author, post=post, number=draft.number, now=now)
    assert AuditEvent.objects.filter(object_id=post.pk, action="post.draft_discarded").count() == 1
    with pytest.raises(NotFound):
        discard_draft(actor=author, post=post, number=draft.number, now=now)
    with pytest.raises(NotFound):
        discard_draft(actor=author, post=post, number=1, now=now)


def test_revisions_go_on_counting_beside_a_draft(author: User, make_post: Callable[..., Post], now: datetime) -> None:
    post = make_post(content="Saved.")
    autosave_post(actor=author, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    update_post(actor=author, post=post, changes={"content": "New"}, now=now)
    assert sorted(post.revisions.values_list("number", "is_draft")) == [(1, False), (2, True), (3, False)]


def test_strangers_and_texts_beyond_the_limit_are_refused(
    author: User, make_user: Callable[..., User], make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    with pytest.raises(PermissionRefused):
        autosave_post(actor=make_user("author"), post=post, texts={"content": "Theirs"}, base_revision=1, now=now)
    with pytest.raises(InvalidInput):
        autosave_post(actor=author, post=post, texts={"content": "x" * 1_000_001}, base_revision=1, now=now)


def test_a_text_that_is_not_saved_is_for_its_writer_alone(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    draft = autosave_post(actor=author, post=post, texts={"content": "Half a thought"}, base_revision=1, now=now)
    assert draft
    assert [revision.number for revision in list_revisions(actor=author, post=post)] == [2, 1]
    assert [revision.number for revision in list_revisions(actor=editor, post=post)] == [1]
    for act in (restore_revision, apply_revision):
        with pytest.raises(NotFound):
            act(actor=editor, post=post, number=draft.number, now=now)
    assert list_revisions(actor=SYSTEM, post=post).count() == 2
