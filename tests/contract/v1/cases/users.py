"""Users: for admins and for themselves."""

from typing import Any, Final

from tests.contract.v1.stories import EVERYONE, Step, Story, by_each, one, slug, story
from tests.contract.v1.world import PASSWORD

SENDERS: Final = (*EVERYONE, "key reader", "key users_reader", "key admin")
PAGES: Final = ("limit=2", "limit=2&page=2", "page=0&limit=0", "page=99", "limit=101&page=x")
FILTERS: Final = {
    "role": "role=Author",
    "role-in-lower-case": "role=author",
    "role-unknown": "role=nonsense",
    "active": "active=true",
    "suspended": "active=false",
    "active-unknown": "active=maybe",
    "unknown-parameter": "colour=red",
    "by-username": "sort=username",
    "by-username-backwards": "sort=-username",
    "by-email": "sort=email",
    "by-updated-at": "sort=updated_at",
    "by-unknown-key": "sort=unknown",
    "role-and-active": "role=Subscriber&active=true&sort=username",
}
CHANGES: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "username": {"username": "renamed"},
    "email": {"email": "renamed@example.org"},
    "names": {"first_name": "Zoë", "last_name": ""},
    "unknown-fields": {"password": "another long one", "bio": "x", "display_name": "x", "profile": {"a": 1}},
    "nulls": {"username": None, "email": None, "first_name": None},
    "own-username-in-capitals": {"username": "SUBSCRIBER"},
}
REFUSED: Final[dict[str, dict[str, Any]]] = {
    "username-too-short": {"username": "ab"},
    "username-reserved": {"username": "api"},
    "email": {"email": "x"},
    "wrong-types": {"username": 1, "email": [], "first_name": {}, "is_active": "yes", "role": 3},
    "several": {"username": "", "email": ""},
}
BY_ADMINS: Final[dict[str, dict[str, Any]]] = {
    "role": {"role": "Editor"},
    "role-in-lower-case": {"role": "editor"},
    "role-unknown": {"role": "Emperor"},
    "suspended": {"is_active": False},
    "still-active": {"is_active": True},
    "all": {"username": "other", "email": "other@example.org", "first_name": "O", "role": "Author", "is_active": True},
}

STORIES: Final[list[Story]] = [
    *by_each(SENDERS, one("users/list/by", "GET /users")),
    *(one(f"users/list/{name}", f"GET /users?{query}&limit=3", by="admin") for name, query in FILTERS.items()),
    *(one(f"users/list/page/{slug(query)}", f"GET /users?{query}&sort=username", by="admin") for query in PAGES),
    *by_each(SENDERS, one("users/get/subscriber", "GET /users/{user.subscriber}")),
    *by_each(("admin", "author", "anonymous"), one("users/get/unknown-id", "GET /users/{post.plain}")),
    *by_each(("admin", "author", "anonymous"), one("users/get/no-uuid", "GET /users/author")),
    one("users/get/suspended", "GET /users/{user.suspended}", by="admin"),
    *(
        one(f"users/put/{name}", "PUT /users/{user.subscriber}", body, by="subscriber")
        for name, body in CHANGES.items()
    ),
    *(one(f"users/put/422/{name}", "PUT /users/{user.subscriber}", body, by="admin") for name, body in REFUSED.items()),
    *(
        told
        for name, body in BY_ADMINS.items()
        for told in by_each(("admin", "subscriber"), one(f"users/put/{name}", "PUT /users/{user.subscriber}", body))
    ),
    *by_each(SENDERS, one("users/put/by", "PUT /users/{user.subscriber}", {"first_name": "New"})),
    one("users/put/409-username", "PUT /users/{user.subscriber}", {"username": "Author"}, by="subscriber"),
    one("users/put/409-email", "PUT /users/{user.subscriber}", {"email": "AUTHOR@example.org"}, by="subscriber"),
    one("users/put/last-admin-demoted", "PUT /users/{user.admin}", {"role": "Editor"}, by="admin"),
    one("users/put/last-admin-suspended", "PUT /users/{user.admin}", {"is_active": False}, by="admin"),
    one("users/put/unknown-id", "PUT /users/{post.plain}", {"first_name": "X"}, by="admin"),
    one("users/put/no-uuid", "PUT /users/x", {"first_name": "X"}, by="admin"),
    *by_each(SENDERS, one("users/delete/by", "DELETE /users/{user.subscriber}")),
    one("users/delete/last-admin", "DELETE /users/{user.admin}", by="admin"),
    one("users/delete/suspended", "DELETE /users/{user.suspended}", by="admin"),
    one("users/delete/unknown-id", "DELETE /users/{post.plain}", by="admin"),
    one("users/delete/no-uuid", "DELETE /users/x", by="admin"),
    story(
        "users/suspended-and-at-once-without-token-key-and-login",
        Step("GET /auth/profile", by="subscriber"),
        Step("GET /posts?limit=1&page=99", by="key subscriber"),
        Step("PUT /users/{user.subscriber}", {"is_active": False}, by="admin"),
        Step("GET /auth/profile", by="subscriber"),
        Step("GET /posts?limit=1", by="key subscriber"),
        Step("POST /auth/login", {"email": "subscriber@example.org", "password": PASSWORD}),
        Step("PUT /users/{user.subscriber}", {"is_active": True}, by="admin"),
        Step("GET /auth/profile", by="subscriber"),
        Step("GET /posts?limit=1", by="key subscriber"),
        Step("POST /auth/login", {"email": "subscriber@example.org", "password": PASSWORD}),
    ),
    story(
        "users/demoted-and-at-once-without-rights",
        Step("PUT /users/{user.editor}", {"role": "Subscriber"}, by="admin"),
        Step("GET /posts/{post.draft}", by="editor"),
        Step("POST /posts", {"title": "T", "content": "C"}, by="editor"),
    ),
]
