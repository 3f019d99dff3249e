"""Searching, suggesting, counting, and reindexing."""

from typing import Final

from tests.contract.v1.stories import EVERYONE, Story, by_each, one

QUERIES: Final = {
    "one-word": "q=plain",
    "two-words": "q=full+post",
    "no-hit": "q=zebra",
    "without-q": "",
    "empty-q": "q=",
    "nul": "q=%00",
    "limit": "q=post&limit=1",
    "offset": "q=post&limit=1&offset=1",
    "offset-past-the-end": "q=post&offset=99",
    "limit-0": "q=post&limit=0",
    "limit-101": "q=post&limit=101",
    "limit-text": "q=post&limit=x&offset=y",
    "by-title": "q=post&sort_by=title&sort_order=asc",
    "by-created-at": "q=post&sort_by=created_at&sort_order=desc",
    "by-unknown-key": "q=post&sort_by=nonsense&sort_order=sideways",
}
PREFIXES: Final = {
    "word": "prefix=pl",
    "nothing": "",
    "no-hit": "prefix=zebra",
    "limit": "prefix=a&limit=1",
    "nul": "prefix=%00",
}

STORIES: Final[list[Story]] = [
    *(one(f"search/{name}", f"GET /search?{query}") for name, query in QUERIES.items()),
    *by_each((*EVERYONE, "co_author", "key reader"), one("search/by", "GET /search?q=post")),
    *(one(f"search/suggest/{name}", f"GET /search/suggest?{query}") for name, query in PREFIXES.items()),
    *by_each(EVERYONE, one("search/stats", "GET /search/stats")),
    *by_each((*EVERYONE, "key admin"), one("search/reindex", "POST /search/reindex")),
]
