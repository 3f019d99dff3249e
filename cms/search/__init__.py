"""The search port: one interface over an index in PostgreSQL or SQLite. See docs/adr/0008 for the reasons."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.utils.translation import gettext_noop

from cms.costs.turns import DEAR, BoundedIfSlow, Places
from cms.search.documents import index_posts, reindex
from cms.search.results import Hit, SearchResults, filter_posts, find_posts, search_posts
from cms.search.sqlite import ended_when_long
from cms.search.suggestions import suggest

SEARCHES: Final = BoundedIfSlow(gettext_noop("searches run"), grace_s=0.25, burst_s=2.0, places=Places(1), spare=DEAR)
"""A search takes milliseconds; of a common word among a million posts half a second."""

__all__ = [
    "SEARCHES",
    "Hit",
    "SearchResults",
    "filter_posts",
    "find_posts",
    "index_posts",
    "reindex",
    "search_posts",
    "searching",
    "suggest",
]


@contextmanager
def searching() -> Iterator[None]:
    """Search for a request. Raises Busy, and OperationalError from a statement that takes too long."""
    with SEARCHES.turn(), ended_when_long():
        yield
