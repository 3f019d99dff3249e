"""An export holds one post at a time in memory, however long the others are."""

import tracemalloc
from pathlib import Path
from typing import Final

import pytest

from cms.models import Comment, Post, User
from tests.cms.exporters.conftest import export_to

POSTS: Final = 12
LETTER: Final = "𝒳"
CONTENT_BYTES: Final = 4 * 1_000_000
"""Python takes four bytes for each of these letters, and so does UTF-8."""


@pytest.fixture
def long_posts(author: User) -> None:
    """Posts with the longest content, and with as much text in comments."""
    posts = [Post(title="Long", slug=f"long-{at}", author=author, content=LETTER * 1_000_000) for at in range(POSTS)]
    for post in posts:
        Post.objects.bulk_create([post])
        comments = [Comment(post=post, author_name="Mia", text=LETTER * 10_000) for _ in range(100)]
        for at, comment in enumerate(comments):
            comment.thread_path = f"{at:04}"
        Comment.objects.bulk_create(comments)


@pytest.mark.parametrize("format_name", ["json", "markdown"])
@pytest.mark.django_db
def test_an_export_takes_the_memory_of_one_post(long_posts: None, tmp_path: Path, format_name: str) -> None:
    """The texts of a post are there as rows, as a line of JSON, as its bytes, and as these with a line end before."""
    tracemalloc.start()
    try:
        export_to(tmp_path / "export", format_name)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 5 * 2 * CONTENT_BYTES < POSTS * CONTENT_BYTES
