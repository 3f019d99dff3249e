"""Advice before a post goes out: what readers would miss, and nothing else."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from cms.models import Post, User
from cms.services.advice import Draft, advise

FULL = Draft(None, "a-slug", "In short.", "<p>Text.</p>")


def _advice(author: User, now: datetime.datetime, **values: Any) -> list[str]:
    return advise(actor=author, draft=Draft(**{**vars(FULL), **values}), now=now)


@pytest.mark.django_db
def test_a_post_that_lacks_nothing_gets_none(author: User, now: datetime.datetime) -> None:
    html = '<p><img src="https://x.example/a.png" alt="A boat"></p>'
    assert _advice(author, now, content_html=html) == []


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<img src="/a.png">', "1 picture has no alternative text."),
        ('<img src="/a.png" alt=""> <img src="/b.png" alt=" ">', "2 pictures have no alternative text."),
        (
            f'<img src="/api/v2/media/{uuid.UUID(int=7)}/content" alt="x">',
            "1 file of the text can't be found.",
        ),
        (
            '<a href="https://www.example.org/posts/gone?x=1" rel="noopener">x</a>',
            "These links lead to no public post: gone.",
        ),
    ],
)
@pytest.mark.django_db
def test_what_readers_would_miss_is_named(
    author: User, now: datetime.datetime, settings: Any, html: str, told: str
) -> None:
    settings.PUBLIC_POST_URL = "https://www.example.org/posts/{slug}"
    assert _advice(author, now, content_html=html) == [told]


@pytest.mark.django_db
def test_thousands_of_links_are_looked_up_in_queries_of_bounded_length(
    author: User, now: datetime.datetime, settings: Any
) -> None:
    settings.PUBLIC_POST_URL = "https://www.example.org/posts/{slug}"
    html = "".join(f'<a href="https://www.example.org/posts/a{number:04}">x</a>' for number in range(1_200))
    lengths: list[int] = []

    def measure(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
        lengths.append(len(values or ()))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(measure):
        told = _advice(author, now, content_html=html)
    assert told == ["These links lead to no public post: a0000, a0001, a0002, a0003, a0004 …."]
    assert max(lengths) < 600


@pytest.mark.django_db
def test_a_link_with_a_nul_leads_to_no_post(author: User, now: datetime.datetime, settings: Any) -> None:
    settings.PUBLIC_POST_URL = "https://www.example.org/posts/{slug}"
    html = '<a href="https://www.example.org/posts/a%00">x</a>'
    assert _advice(author, now, content_html=html) == ["These links lead to no public post: a\x00."]


def test_links_to_public_posts_are_sound_and_to_drafts_are_not(
    author: User, make_post: Callable[..., Post], now: datetime.datetime, settings: Any
) -> None:
    settings.PUBLIC_POST_URL = "https://www.example.org/posts/{slug}"
    make_post(title="Out")
    make_post(title="Not yet", is_published=False)
    html = "".join(f'<a href="https://www.example.org/posts/{slug}">x</a>' for slug in ("out", "not-yet", "a-slug"))
    assert _advice(author, now, content_html=html) == ["These links lead to no public post: not-yet."]


def test_a_slug_of_a_hidden_post_is_told_to_those_who_see_it(
    author: User, editor: User, make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    """Guesses would cost nothing and leave no trace; a try to save a post is a write."""
    make_post(by=editor, slug="secret-merger", is_published=False)
    assert _advice(author, now, slug="secret-merger") == []
    assert len(_advice(editor, now, slug="secret-merger")) == 1


def test_a_slug_of_another_post_and_a_missing_excerpt_are_named(
    author: User, make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    post = make_post(title="Taken")
    told = _advice(author, now, slug="taken", excerpt=" ")
    assert told == [
        "Another post has the slug “taken”: choose another one.",
        "There is no excerpt: lists show the beginning of the content.",
    ]
    assert _advice(author, now, slug="taken", id=post.pk) == []
