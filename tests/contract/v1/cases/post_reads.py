"""Posts, read: every state by every reader; pages, sort keys and filters of the list."""

from typing import Final

from tests.contract.v1.stories import Story, by_each, one, slug

READERS: Final = ("anonymous", "subscriber", "other_author", "author", "co_author", "editor", "admin")
KEYS: Final = ("key reader", "key commenter", "key subscriber", "key admin")
STATES: Final = ("plain", "full", "page", "private", "draft", "scheduled", "expired", "archived", "trashed")
PAGES: Final = (
    *("page=2&limit=1", "page=0", "page=-1", "page=two", "page=1.5", "page=99", "page=99999999999999999999", "page="),
    *("limit=0", "limit=1", "limit=100", "limit=101", "limit=-1", "limit=many", "limit=%EF%BC%91"),
)
SORTS: Final = (
    *("created_at", "-created_at", "updated_at", "-updated_at", "published_at", "-published_at", "title", "-title"),
    *("unknown", "-unknown", "--title", "content"),
)
TAGS: Final = {"name": "Z%C3%BCrich", "slug": "light", "folded": "LIGHT+%26+shadow", "unknown": "nowhere", "nul": "%00"}
AUTHORS: Final = {"self": "{user.author}", "unknown": "{tag.light}", "no-uuid": "author"}
STATUSES: Final = ("draft", "published", "archived", "trashed", "scheduled", "nonsense")
IDS: Final = {"unknown": "{user.author}", "no-uuid": "a-plain-post", "nil": "00000000-0000-0000-0000-000000000000"}

STORIES: Final[list[Story]] = [
    *(told for state in STATES for told in by_each(READERS, one(f"posts/get/{state}", f"GET /posts/{{post.{state}}}"))),
    *by_each(KEYS, one("posts/get/draft", "GET /posts/{post.draft}")),
    *(one(f"posts/get/id-{name}", f"GET /posts/{value}") for name, value in IDS.items()),
    one("posts/get/id-in-capitals-and-query", "GET /posts/{post.plain}?fields=id&page=x"),
    *by_each((*READERS, *KEYS), one("posts/list/by", "GET /posts")),
    *(one(f"posts/list/page/{slug(query)}", f"GET /posts?{query}&sort=title") for query in PAGES),
    *(one(f"posts/list/sort/{slug(sort)}", f"GET /posts?sort={sort}", by="editor") for sort in SORTS),
    *(
        one(f"posts/list/sort/nulls-{slug(sort)}", f"GET /posts?status=draft&sort={sort}", by="editor")
        for sort in ("published_at", "-published_at")
    ),
    *(one(f"posts/list/tag/{name}", f"GET /posts?tag={tag}") for name, tag in TAGS.items()),
    *(one(f"posts/list/author/{name}", f"GET /posts?author={author}&limit=1") for name, author in AUTHORS.items()),
    *(
        told
        for status in STATUSES
        for told in by_each(
            ("anonymous", "author", "editor"), one(f"posts/list/status/{status}", f"GET /posts?status={status}")
        )
    ),
    one("posts/list/unknown-parameters", "GET /posts?limit=1&colour=red&cursor=x&fields=id"),
    one("posts/list/filters-together", "GET /posts?tag=light&author={user.other_author}&status=published"),
]
