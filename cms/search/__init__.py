"""The search port: one way to ask, an index in PostgreSQL or in SQLite behind it. See docs/adr/0008 for why it is built so."""

from cms.search.documents import index_posts, reindex
from cms.search.results import Hit, SearchResults, filter_posts, search_posts
from cms.search.suggestions import suggest

__all__ = ["Hit", "SearchResults", "filter_posts", "index_posts", "reindex", "search_posts", "suggest"]
