"""Who writes: seen within seconds, forgotten soon after."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cms.errors import PermissionRefused
from cms.models import Editing, Post, User
from cms.services.editing import SEEN_S, end_editing, note_editing, others_editing


def test_two_who_have_the_form_open_see_each_other(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post = make_post()
    for user in (author, editor, editor):
        note_editing(user=user, post=post, now=now)
    assert list(others_editing(user=author, post=post, now=now)) == [editor]
    assert list(others_editing(user=editor, post=post, now=now)) == [author]


def test_one_who_closed_the_form_or_vanished_is_seen_no_more(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime
) -> None:
    post, late = make_post(), now + timedelta(seconds=SEEN_S + 1)
    note_editing(user=editor, post=post, now=now)
    assert not others_editing(user=author, post=post, now=late).exists()
    note_editing(user=author, post=post, now=late)
    assert Editing.objects.count() == 1
    end_editing(user=author, post=post)
    assert not Editing.objects.exists()


def test_a_stranger_is_not_noted(make_user: Callable[..., User], make_post: Callable[..., Post], now: datetime) -> None:
    with pytest.raises(PermissionRefused):
        note_editing(user=make_user("author"), post=make_post(), now=now)
