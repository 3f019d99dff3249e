"""Tags and categories."""

from typing import Final

from tests.contract.v1.stories import EVERYONE, Story, by_each, one, slug

PAGES: Final = ("limit=2", "limit=2&page=2", "page=0&limit=0", "page=99", "page=x&limit=-1", "limit=101")
TAGS: Final = {"tag": "light", "any-script": "z%C3%BCrich", "unknown": "nowhere", "nul": "%00", "name": "Light"}
CATEGORIES: Final = {"root": "science", "child": "physics", "unknown": "nowhere", "nul": "%00", "name": "Science"}

STORIES: Final[list[Story]] = [
    *by_each(EVERYONE, one("tags/list", "GET /tags")),
    *(one(f"tags/page/{slug(query)}", f"GET /tags?{query}") for query in PAGES),
    *(one(f"tags/get/{name}", f"GET /tags/{value}") for name, value in TAGS.items()),
    *by_each(EVERYONE, one("categories/list", "GET /categories")),
    *(one(f"categories/page/{slug(query)}", f"GET /categories?{query}") for query in PAGES),
    *(one(f"categories/get/{name}", f"GET /categories/{value}") for name, value in CATEGORIES.items()),
    *by_each(EVERYONE, one("categories/get/inactive", "GET /categories/old-stuff")),
]
