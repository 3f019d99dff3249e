"""A deep check holds one post at a time in memory, however long the others are."""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from cms.integrity.findings import Finding
from cms.integrity.posts import find_stale_documents, find_stale_texts
from cms.models import Post, SearchDocument, User

POSTS: Final = 20
LONG: Final = "𝒳" * 1_000_000
LONG_BYTES: Final = 4 * 1_000_000
"""Python takes four bytes for each of these letters."""


@pytest.mark.parametrize("find", [find_stale_texts, find_stale_documents])
def test_a_deep_check_takes_the_memory_of_one_post(
    author: User, now: Any, find: Callable[[Any], Iterator[Finding]]
) -> None:
    """Half of all texts would be five posts with both a rendered content and a document."""
    for at in range(POSTS):
        post = Post(title="Long", slug=f"long-{at}", author=author, content="Short", content_html=LONG)
        Post.objects.bulk_create([post])
        SearchDocument.objects.bulk_create([SearchDocument(post=post, content=LONG)])
    tracemalloc.start()
    try:
        found = sum(1 for _ in find(now))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == POSTS
    assert peak_bytes < POSTS * LONG_BYTES / 2
