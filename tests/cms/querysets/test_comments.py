"""Who sees the comments of a post, and in which order."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from cms.choices import CommentStatus
from cms.models import Comment, User
from cms.policy import SYSTEM
from cms.services.comments import create_comment, delete_comment
from tests.cms.querysets.viewers import OWNERS, SEE_ALL, STATES, VIEWERS, co_author


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
