"""Completing what is being typed."""

import datetime
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.search import suggest
from cms.services.post_states import trash_post

type Make = Callable[..., Post]
NOBODY = AnonymousUser()


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("gov", ["Government data", "Open government"]),
        ("GÓV", ["Government data", "Open government"]),
        ("government d", ["Government data"]),
        ("open gov", ["Open government"]),
        ("overnment", []),
        ("cafe", ["Café culture"]),
        ("東京", ["大東京の話"]),
        ("京", ["大東京の話"]),
        ("%", []),
        ("", []),
    ],
)
def test_titles_are_completed_at_the_beginning_of_their_words(
    make_post: Make, now: datetime.datetime, prefix: str, expected: list[str]
) -> None:
    for title in ("Open government", "Government data", "Café culture", "大東京の話"):
        make_post(title=title)
    assert suggest(prefix, user=NOBODY, now=now) == expected


def test_what_begins_with_the_prefix_comes_first_and_tags_before_titles(
    make_post: Make, now: datetime.datetime
) -> None:
    make_post(title="Water and more", tags=["Water", "Deep water"])
    assert suggest("wat", user=NOBODY, now=now) == ["Water", "Water and more", "Deep water"]
    assert suggest("wat", user=NOBODY, now=now, limit=2) == ["Water", "Water and more"]


def test_the_same_words_are_suggested_once(make_post: Make, now: datetime.datetime) -> None:
    make_post(title="Water", tags=["Wáter"])
    make_post(title="WATER")
    assert suggest("wat", user=NOBODY, now=now) == ["Wáter"]


def test_a_limit_of_nothing_suggests_nothing(make_post: Make, now: datetime.datetime) -> None:
    make_post(title="Water")
    assert suggest("wat", user=NOBODY, now=now, limit=0) == suggest("wat", user=NOBODY, now=now, limit=-1) == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.text(max_size=300))
def test_any_text_is_completed_without_an_error(db: None, now: datetime.datetime, prefix: str) -> None:
    assert suggest(prefix, user=NOBODY, now=now) == []


def test_what_lies_in_the_trash_is_suggested_to_nobody(make_post: Make, editor: User, now: datetime.datetime) -> None:
    make_post(title="Waterfall", is_published=False)
    trash_post(actor=SYSTEM, post=make_post(title="Watershed", tags=["waste"]), now=now)
    assert suggest("wat", user=editor, now=timezone.now()) == ["Waterfall"]
    assert suggest("was", user=editor, now=timezone.now()) == []
