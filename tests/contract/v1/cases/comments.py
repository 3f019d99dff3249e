"""Comments of a post: who is shown which, and where there are none to be shown."""

from typing import Final

from tests.contract.v1.stories import Story, by_each, one, slug

READERS: Final = ("anonymous", "subscriber", "other_subscriber", "author", "co_author", "editor", "admin", "key reader")
HIDDEN: Final = ("draft", "scheduled", "expired", "private", "archived", "trashed")

STORIES: Final[list[Story]] = [
    *by_each(READERS, one("comments/plain", "GET /posts/{post.plain}/comments")),
    *by_each(READERS, one("comments/draft", "GET /posts/{post.draft}/comments")),
    *(one(f"comments/of-a-hidden-{state}-post", f"GET /posts/{{post.{state}}}/comments") for state in HIDDEN),
    *(
        one(f"comments/page/{slug(query)}", f"GET /posts/{{post.plain}}/comments?{query}")
        for query in ("limit=1", "limit=1&page=2", "page=0&limit=0", "page=99", "page=x&limit=y")
    ),
    one("comments/of-a-page", "GET /posts/{post.page}/comments"),
    one("comments/unknown-post", "GET /posts/{user.author}/comments"),
    one("comments/no-uuid", "GET /posts/x/comments"),
]
