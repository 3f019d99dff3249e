"""Posts for admins: everything there is, written and deleted."""

from typing import Final

from tests.contract.v1.stories import EVERYONE, Story, by_each, one

BODY: Final = {"title": "By an admin", "content": "Words.", "published": True}
SENDERS: Final = (*EVERYONE, "key admin", "key writer")

STORIES: Final[list[Story]] = [
    *by_each(SENDERS, one("admin-posts/list", "GET /admin/posts?limit=5")),
    *(
        one(f"admin-posts/list-{status}", f"GET /admin/posts?status={status}", by="admin")
        for status in ("draft", "archived", "trashed", "nonsense")
    ),
    one("admin-posts/list-page-2", "GET /admin/posts?page=2&limit=3&sort=title", by="admin"),
    *by_each(SENDERS, one("admin-posts/create", "POST /admin/posts", BODY)),
    one("admin-posts/create-422", "POST /admin/posts", {"title": ""}, by="admin"),
    one("admin-posts/create-409", "POST /admin/posts", {**BODY, "slug": "a-plain-post"}, by="admin"),
    *by_each(SENDERS, one("admin-posts/delete", "DELETE /admin/posts/{post.plain}")),
    one("admin-posts/delete-trashed", "DELETE /admin/posts/{post.trashed}", by="admin"),
    one("admin-posts/delete-unknown-id", "DELETE /admin/posts/{user.author}", by="admin"),
    one("admin-posts/delete-no-uuid", "DELETE /admin/posts/x", by="admin"),
]
