"""Every operation of v1, as data: what it is for, what it takes, what it answers, how it refuses.

A test holds this table against the routes and the views: an operation that is missing here, or is no more, fails it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Operation:
    """`answer`, `body` and `query` name schemas and parameters of the document; `refusals` are what it adds to EVERYWHERE."""

    summary: str
    answer: str | None
    """The schema of the envelope's `data`, None for null."""
    status: int = 200
    body: str | None = None
    query: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    needs_user: bool = False
    is_bare: bool = False
    """Without the envelope."""
    takes_credentials: bool = True
    """Otherwise they aren't looked at."""
    is_limited: bool = True
    """Whether there may be too many of them in too short a time."""


EVERYWHERE: Final = (400, 500, 503)
_PAGE: Final = ("page", "limit")
_BODY: Final = (413, 415, 422)
_USER: Final = (401, 403)

_POSTS: Final = (*_PAGE, "status", "author", "tag", "sort")
OPERATIONS: Final[dict[str, dict[str, Operation]]] = {
    "": {"get": Operation("What this API is", "Info", is_bare=True, refusals=(401,))},
    "/info": {"get": Operation("What this API is", "Info", is_bare=True, refusals=(401,))},
    "/openapi.json": {"get": Operation("This document", "OpenApiDocument", is_bare=True, refusals=(401,))},
    "/health": {
        "get": Operation("Whether the server and its parts work", "Health", takes_credentials=False, is_limited=False)
    },
    "/health/liveness": {
        "get": Operation("Whether this process answers", "Health", takes_credentials=False, is_limited=False)
    },
    "/health/readiness": {
        "get": Operation("Whether requests can be served", "Health", takes_credentials=False, is_limited=False)
    },
    "/csrf-token": {
        "get": Operation(
            "What a browser's session needs for changes", "CsrfToken", is_bare=True, takes_credentials=False
        )
    },
    "/auth/register": {
        "post": Operation("Register", "Session", 201, "RegisterInput", refusals=(409, *_BODY), takes_credentials=False)
    },
    "/auth/login": {
        "post": Operation("Sign in", "Session", body="LoginInput", refusals=(401, *_BODY), takes_credentials=False)
    },
    "/auth/refresh": {
        "post": Operation(
            "Both tokens anew", "Session", body="RefreshInput", refusals=(401, *_BODY), takes_credentials=False
        )
    },
    "/auth/logout": {"post": Operation("Sign out", None, refusals=_USER, needs_user=True)},
    "/auth/profile": {"get": Operation("The caller's own account", "User", refusals=_USER, needs_user=True)},
    "/posts": {
        "get": Operation("Posts, the newest first", "PageOfPost", query=_POSTS, refusals=_USER),
        "post": Operation("Create a post", "Post", 201, "PostInput", refusals=(*_USER, 409, *_BODY), needs_user=True),
    },
    "/posts/{uuid}": {
        "get": Operation("One post", "Post", refusals=(*_USER, 404)),
        "put": Operation(
            "Change what the body names",
            "Post",
            body="PostChanges",
            refusals=(*_USER, 404, 409, *_BODY),
            needs_user=True,
        ),
        "delete": Operation("Move to the trash", "Message", refusals=(*_USER, 404, 409), needs_user=True),
    },
    "/posts/{uuid}/comments": {
        "get": Operation(
            "The comments of a post, the oldest first", "PageOfComment", query=_PAGE, refusals=(*_USER, 404)
        )
    },
    "/admin/posts": {
        "get": Operation("Posts in every state", "PageOfPost", query=_POSTS, refusals=_USER, needs_user=True),
        "post": Operation("Create a post", "Post", 201, "PostInput", refusals=(*_USER, 409, *_BODY), needs_user=True),
    },
    "/admin/posts/{uuid}": {
        "delete": Operation("Move to the trash", "Message", refusals=(*_USER, 404, 409), needs_user=True)
    },
    "/users": {
        "get": Operation(
            "Accounts", "PageOfUser", query=(*_PAGE, "role", "active", "sort_users"), refusals=_USER, needs_user=True
        )
    },
    "/users/{uuid}": {
        "get": Operation("One account", "User", refusals=(*_USER, 404), needs_user=True),
        "put": Operation(
            "Change what the body names",
            "User",
            body="UserChanges",
            refusals=(*_USER, 404, 409, *_BODY),
            needs_user=True,
        ),
        "delete": Operation("Deactivate", "Message", refusals=(*_USER, 404, 409), needs_user=True),
    },
    "/api-keys": {
        "get": Operation(
            "The caller's keys, the newest first", "PageOfApiKey", query=_PAGE, refusals=_USER, needs_user=True
        ),
        "post": Operation(
            "Issue a key", "IssuedApiKey", 201, "ApiKeyInput", refusals=(*_USER, *_BODY), needs_user=True
        ),
    },
    "/api-keys/{uuid}": {"delete": Operation("Revoke a key", "Message", refusals=(*_USER, 404), needs_user=True)},
    "/tags": {"get": Operation("Tags by name", "PageOfTag", query=_PAGE, refusals=_USER)},
    "/tags/{slug}": {"get": Operation("One tag", "Tag", refusals=(*_USER, 404))},
    "/categories": {"get": Operation("Categories by name", "PageOfCategory", query=_PAGE, refusals=_USER)},
    "/categories/{slug}": {"get": Operation("One category", "Category", refusals=(*_USER, 404))},
    "/search": {
        "get": Operation(
            "Search posts",
            "SearchResults",
            query=("q", "limit", "offset", "sort_by", "sort_order"),
            refusals=_USER,
        )
    },
    "/search/suggest": {
        "get": Operation("Complete a word", "Suggestions", query=("prefix", "limit_suggestions"), refusals=_USER)
    },
    "/search/stats": {"get": Operation("How the index is", "SearchStats", refusals=_USER)},
    "/search/reindex": {
        "post": Operation("Build the index anew, in the background", "Reindexing", refusals=_USER, needs_user=True)
    },
}
