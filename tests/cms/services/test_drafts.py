"""Drafts of what is not saved: one for each open form, out of sight for others, and gone when it is saved."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cms import limits
from cms.errors import InvalidInput, NotFound, PermissionRefused, TooManyDrafts, TooManyUnsavedTexts, TooMuchKept
from cms.models import AuditEvent, Post, PostRevision, User
from cms.policy import SYSTEM
from cms.rate_limits import KEPT_KB, Quota, count
from cms.services.drafts import (
    autosave_post,
    base_of_draft,
    discard_draft,
    end_drafts,
    find_draft,
    state_of_draft,
    waiting_drafts,
)
from cms.services.posts import update_post
from cms.services.restoring import apply_revision, restore_revision
from cms.services.revisions import list_revisions


def test_a_form_has_one_autosaved_draft_that_changes_nothing_readers_see(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(title="Saved", content="Saved.")
    before = Post.objects.get()
    state = ""
    for text in ("One", "Two"):
        texts = {"title": "", "content": text}
        made = autosave_post(actor=author, post=post, texts=texts, base_revision=1, now=now, state=state)
        assert made
        state = state_of_draft(made)
    draft = post.revisions.get(is_draft=True)
    assert (draft.snapshot["title"], draft.snapshot["content"], draft.author) == ("", "Two", author)
    assert base_of_draft(draft) == 1
    after = Post.objects.get()
    assert (after.version, after.updated_at, after.content) == (before.version, before.updated_at, "Saved.")


def test_texts_as_they_are_saved_leave_no_draft(author: User, make_post: Callable[..., Post], now: datetime) -> None:
    post = make_post(title="Saved", content="Saved.")
    assert _keep_again(author, post, "Saved.", now, _keep(author, post, "Other", now)) is None
    assert not post.revisions.filter(is_draft=True).exists()


def test_a_window_overwrites_the_draft_that_it_made_and_no_other(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    theirs = _keep(author, post, "A long chapter", now)
    mine = _keep(author, post, "Mine", now)
    assert _keep_again(author, post, "Mine, longer", now, mine) == mine
    assert _keep_again(author, post, "Saved.", now, mine) is None
    assert [draft.snapshot["content"] for draft in waiting_drafts(actor=author, post=post)] == ["A long chapter"]
    assert _keep_again(author, post, "A longer chapter", now, theirs) == theirs


def test_a_draft_that_another_window_has_gone_on_with_stays(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    draft = _keep(author, post, "Begun", now)
    seen = state_of_draft(draft)
    _keep_again(author, post, "Gone on with", now + timedelta(seconds=30), draft)
    end_drafts(actor=author, post=post, state=seen, shown=draft)
    texts = {"content": "Mine"}
    autosave_post(actor=author, post=post, texts=texts, base_revision=1, now=now + timedelta(seconds=60), state=seen)
    kept = [draft.snapshot["content"] for draft in waiting_drafts(actor=author, post=post)]
    assert kept == ["Mine", "Gone on with"]


def test_a_number_that_another_draft_has_got_deletes_nothing(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    old = _keep(author, post, "Old", now)
    discard_draft(actor=author, post=post, number=old.number, now=now)
    new = _keep(author, post, "New", now)
    assert new.number == old.number
    end_drafts(actor=author, post=post, state=state_of_draft(old), shown=new)
    assert post.revisions.get(is_draft=True) == new


def test_the_server_keeps_a_few_unsaved_texts_of_a_writer_and_refuses_one_more(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    drafts = [_keep(author, post, f"Window {number}", now) for number in range(limits.UNSAVED_TEXTS_MAX)]
    with pytest.raises(TooManyUnsavedTexts, match="at most 5 of your unsaved texts"):
        _keep(author, post, "One more", now)
    assert _keep_again(author, post, "Longer", now, drafts[0]) == drafts[0]
    assert _keep(editor, post, "Theirs", now)
    discard_draft(actor=author, post=post, number=drafts[1].number, now=now)
    assert _keep(author, post, "One more", now)


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


@pytest.mark.parametrize(
    ("field", "most"),
    [
        *(("title", 800), ("slug", 800), ("language", 140), ("excerpt", 2_000)),
        *(("meta_title", 800), ("meta_description", 2_000)),
    ],
)
def test_a_field_may_be_unfinished_and_too_long_within_bounds(
    author: User, make_post: Callable[..., Post], now: datetime, field: str, most: int
) -> None:
    post = make_post(content="Saved.")
    kept = autosave_post(actor=author, post=post, texts={field: "é" * most}, base_revision=1, now=now)
    assert kept
    with pytest.raises(InvalidInput) as refusal:
        autosave_post(actor=author, post=post, texts={field: "x" * (most + 1)}, base_revision=1, now=now)
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, "too_long")]
    assert post.revisions.get(is_draft=True).snapshot[field] == "é" * most


@pytest.mark.parametrize("name", ["docx", "", "Markdown"])
def test_a_format_that_no_post_has_is_not_kept(
    author: User, make_post: Callable[..., Post], now: datetime, name: str
) -> None:
    with pytest.raises(InvalidInput, match="content_format"):
        autosave_post(actor=author, post=make_post(), texts={"content_format": name}, base_revision=1, now=now)


def test_a_writer_who_has_stored_too_much_today_keeps_no_unsaved_text_and_may_take_one_back(
    author: User, make_post: Callable[..., Post], now: datetime, settings: Any
) -> None:
    settings.RATE_LIMIT_KEPT_MB = 1
    post = make_post(content="Saved.")
    draft = _keep(author, post, "Mine", now)
    count(Quota(KEPT_KB, str(author.pk)), 1_000, now)
    with pytest.raises(TooMuchKept):
        _keep_again(author, post, "More", now, draft)
    assert post.revisions.get(is_draft=True).snapshot["content"] == "Mine"
    _keep_again(author, post, "Saved.", now, draft)
    assert not post.revisions.filter(is_draft=True).exists()


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


def test_restoring_again_returns_the_draft_that_waits(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    update_post(actor=author, post=post, changes={"content": "New"}, now=now)
    first, other = (restore_revision(actor=author, post=post, number=number, now=now) for number in (1, 2))
    for actor in (author, editor):
        again = restore_revision(actor=actor, post=post, number=1, now=now)
        assert (again.pk, again.number, again.snapshot, again.author) == (first.pk, 3, first.snapshot, author)
    assert other.number == 4
    assert post.revisions.count() == 4
    assert AuditEvent.objects.filter(object_id=post.pk, action="post.revision_restored").count() == 2


def test_a_draft_that_is_gone_or_differs_is_made_again(
    author: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post(content="Saved.")
    discard_draft(actor=author, post=post, number=_restored(author, post, 1, now), now=now)
    number = _restored(author, post, 1, now)
    apply_revision(actor=author, post=post, number=number, now=now)
    assert _restored(author, post, 1, now) > number
    numbers = set()
    for text in ("One", "Two"):
        mine = autosave_post(actor=author, post=post, texts={"content": text}, base_revision=1, now=now)
        assert mine
        numbers.add(_restored(author, post, mine.number, now))
    assert len(numbers) == 2


def test_one_draft_too_many_is_refused_until_another_is_gone(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.WAITING_DRAFTS_MAX == 50
    monkeypatch.setattr(limits, "WAITING_DRAFTS_MAX", 2)
    post = make_post(content="Saved.")
    for writer in (author, editor):  # these are not counted
        autosave_post(actor=writer, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    number = _restored(author, post, _restored(author, post, 1, now), now)
    with pytest.raises(TooManyDrafts, match="at most 2 drafts"):
        restore_revision(actor=editor, post=post, number=number, now=now)
    assert post.revisions.count() == 5
    assert _restored(author, post, 1, now) == 4
    discard_draft(actor=author, post=post, number=4, now=now)
    assert _restored(editor, post, number, now) == 6


def _keep(writer: User, post: Post, content: str, now: datetime) -> PostRevision:
    draft = autosave_post(actor=writer, post=post, texts={"content": content}, base_revision=1, now=now)
    assert draft
    return draft


def _keep_again(writer: User, post: Post, content: str, now: datetime, draft: PostRevision) -> PostRevision | None:
    texts, state = {"content": content}, state_of_draft(draft)
    return autosave_post(actor=writer, post=post, texts=texts, base_revision=1, now=now, state=state)


def _restored(actor: User, post: Post, number: int, now: datetime) -> int:
    return restore_revision(actor=actor, post=post, number=number, now=now).number
