"""Undoing a move to the trash, and deleting a post for ever."""

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.errors import InvalidTransition, NotFound, NothingToUndo, PermissionRefused
from cms.integrity.histories import find_lost_imports
from cms.models import AuditEvent, Comment, ImportRecord, Post, PostRevision, Redirect, SearchDocument, Tag, User
from cms.services.post_states import restore_post, trash_post
from cms.services.posts import update_post
from cms.services.trash import last_trashed, purge_post, undo_trash

MINUTE = datetime.timedelta(minutes=1)


def test_a_move_to_the_trash_is_taken_back(make_post: Any, editor: User, now: Any, events_of: Any) -> None:
    post = trash_post(actor=editor, post=make_post(tags=["letters"]), now=now)
    assert undo_trash(actor=editor, post=post, now=now).status == "published"
    assert events_of(post)[-2:] == ["post.trashed", "post.restored"]
    assert Tag.objects.get().usage_count == 1
    assert last_trashed(actor=editor, since=now - MINUTE) == []


def test_nobody_takes_back_what_is_long_ago_or_somebody_elses_or_has_changed(
    make_post: Any, editor: User, admin: User, now: Any
) -> None:
    post = trash_post(actor=editor, post=make_post(), now=now)
    for actor, when in ((admin, now), (editor, now + MINUTE)):
        with pytest.raises(NothingToUndo):
            undo_trash(actor=actor, post=post, now=when)
    update_post(actor=admin, post=post, changes={"title": "Another"}, now=now)
    with pytest.raises(NothingToUndo):
        undo_trash(actor=editor, post=post, now=now)
    assert Post.objects.get().status == "trashed"


def test_a_post_is_deleted_for_ever_with_all_that_hangs_on_it(
    make_post: Any, make_comment: Any, admin: User, now: Any
) -> None:
    post, other = make_post(tags=["letters"]), make_post(title="Another")
    make_comment(post, parent=make_comment(post, parent=make_comment(post)))
    kept = make_comment(other)
    post = update_post(actor=admin, post=post, changes={"slug": "moved"}, now=now)
    purge_post(actor=admin, post=trash_post(actor=admin, post=post, now=now), now=now)
    assert list(Post.objects.all()) == [other]
    assert list(Comment.objects.all()) == [kept]
    for model in (PostRevision, SearchDocument):
        assert list(model.objects.values_list("post_id", flat=True).distinct()) == [other.pk]
    assert not Redirect.objects.exists()
    event = AuditEvent.objects.get(action="post.deleted")
    assert event.before == {"title": "A post", "slug": "moved", "status": "published", "comments": 3}
    with pytest.raises(NotFound):
        purge_post(actor=admin, post=post, now=now)


def test_only_an_admin_deletes_for_ever_and_only_from_the_trash(
    make_post: Any, editor: User, admin: User, now: Any
) -> None:
    post = make_post()
    with pytest.raises(InvalidTransition, match="published to deleted"):
        purge_post(actor=admin, post=post, now=now)
    post = trash_post(actor=editor, post=post, now=now)
    with pytest.raises(PermissionRefused):
        purge_post(actor=editor, post=post, now=now)
    assert restore_post(actor=editor, post=post, now=now).status == "published"


def test_records_of_an_import_tell_of_no_loss_afterwards(
    make_post: Any, make_comment: Any, admin: User, now: Any
) -> None:
    post = make_post()
    comment = make_comment(post)
    for name, row in (("post", post), ("comment", comment)):
        ImportRecord.objects.create(source="wxr", object_type=name, external_id="1", object_id=row.pk, digest="")
    purge_post(actor=admin, post=trash_post(actor=admin, post=post, now=now), now=now)
    assert list(find_lost_imports(now)) == []


def test_many_comments_take_no_more_statements(make_post: Any, make_comment: Any, admin: User, now: Any) -> None:
    counts = []
    for answers in (1, 10):
        post = make_post()
        first = make_comment(post)
        for _ in range(answers):
            make_comment(post, parent=first)
            make_comment(post, parent=first, author=None, author_name="Grace")
        post = trash_post(actor=admin, post=post, now=now)
        with CaptureQueriesContext(connection) as queries:
            purge_post(actor=admin, post=post, now=now)
        counts.append(len(queries))
    assert counts[0] == counts[1]
