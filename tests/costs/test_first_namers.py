"""Going back to a revision searches the earlier ones for its files: up to fixed bounds, whatever they hold."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from cms.models import Post, PostRevision
from cms.services import post_media
from cms.services.post_media import FirstNamers
from tests.slow import slow

NAMED = f'<p><a href="/media/{uuid.uuid4()}">A</a></p>'
"""In no revision's text, so that the search never ends early."""
HOSTILE = ["abcdef0123456789", "-", "0", "&#97;", "&#x61", "&#", "&", "%61", "<"]


@pytest.fixture
def post_with(make_post: Callable[..., Post]) -> Callable[[str, int], Post]:
    """`post_with("text", 3)`: past the services, a post with so many revisions more that have this content."""

    def make(content: str, count: int) -> Post:
        post = make_post()
        values: Any = {"post": post, "snapshot": {"content": content}}
        PostRevision.objects.bulk_create(PostRevision(number=number + 2, **values) for number in range(count))
        return post

    return make


@pytest.mark.parametrize("content", [HOSTILE[0], *map(slow, HOSTILE[1:])])
def test_digits_are_searched_in_about_the_time_of_prose(post_with: Callable[[str, int], Post], content: str) -> None:
    """To compare the runs at each place took over five times as long as prose. Each third place takes up to 3 times."""
    posts = [post_with((text * 400_000)[:400_000], 1) for text in ("some words\n\n", content)]
    prose, digits = (min(_seconds(post) for _ in range(3)) for post in posts)
    assert digits < 3.5 * prose


def _seconds(post: Post) -> float:
    began = time.thread_time()
    FirstNamers(post, NAMED)
    return time.thread_time() - began


@pytest.mark.parametrize(
    ("revisions", "size", "most"),
    [(30, 100, {"_CHARACTERS_MAX": 1_000}), (30, 1, {"_REVISIONS_MAX": 12}), slow(20, 999_999, {}), slow(1_100, 1, {})],
)
def test_no_more_is_read_than_the_bounds_allow(
    post_with: Callable[[str, int], Post],
    revisions: int,
    size: int,
    most: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (post_media._REVISIONS_MAX, post_media._CHARACTERS_MAX) == (1_000, 10_000_000)
    for name, value in most.items():
        monkeypatch.setattr(post_media, name, value)
    searched: list[int] = []
    occurring = post_media._occurring

    def look(*args: Any) -> Any:
        searched.append(len(args[-1]))
        return occurring(*args)

    monkeypatch.setattr(post_media, "_occurring", look)
    post = post_with("a" * size, revisions)
    namers = FirstNamers(post, NAMED)
    list(namers.by_author({uuid.uuid4(), *post_media.media_ids_in(NAMED)}))
    assert len(searched) <= min(post_media._REVISIONS_MAX, post_media._CHARACTERS_MAX // size + 1)
    assert sum(searched) < post_media._CHARACTERS_MAX + size
