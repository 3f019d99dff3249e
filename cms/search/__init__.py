"""The search port: one way to ask, an index in PostgreSQL or in SQLite behind it. See docs/adr/0008 for why it is built so."""

from typing import Final

from cms.costs.turns import DEAR, BoundedIfSlow
from cms.search.documents import index_posts, reindex
from cms.search.results import Hit, SearchResults, filter_posts, find_posts, search_posts
from cms.search.suggestions import suggest

SEARCHES: Final = BoundedIfSlow("searches run", grace_s=0.25, burst_s=2.0, places=DEAR)
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
    "suggest",
]
