"""API keys: issued once, listed without their secret, revoked, and no more powerful than their scopes."""

from typing import Any, Final

from tests.contract.v1.stories import EVERYONE, Step, Story, by_each, one, story

BODY: Final[dict[str, Any]] = {"name": "My script", "permissions": ["posts:read"]}
REFUSED: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "empty-name": {**BODY, "name": ""},
    "name-too-long": {**BODY, "name": "x" * 101},
    "no-permissions": {**BODY, "permissions": []},
    "unknown-permission": {**BODY, "permissions": ["posts:read", "posts:burn"]},
    "wrong-types": {"name": 1, "permissions": "posts:read"},
    "items-of-wrong-type": {**BODY, "permissions": [1, None]},
    "beyond-the-role": {**BODY, "permissions": ["users:write", "media:write"]},
}
WITH_KEY: Final = {"X-API-Key": "{raw}"}

STORIES: Final[list[Story]] = [
    *by_each((*EVERYONE, "other_author", "key writer", "key admin"), one("api-keys/list", "GET /api-keys")),
    one("api-keys/list-page-2", "GET /api-keys?page=2&limit=2", by="author"),
    *by_each((*EVERYONE, "key writer", "key admin"), one("api-keys/create", "POST /api-keys", BODY)),
    *(one(f"api-keys/create/422/{name}", "POST /api-keys", body, by="subscriber") for name, body in REFUSED.items()),
    one(
        "api-keys/create/unknown-fields",
        "POST /api-keys",
        {**BODY, "owner": "{user.admin}", "is_active": False},
        by="author",
    ),
    one(
        "api-keys/create/repeated-permissions",
        "POST /api-keys",
        {**BODY, "permissions": ["posts:read"] * 2},
        by="author",
    ),
    *by_each((*EVERYONE, "other_author", "key writer"), one("api-keys/revoke", "DELETE /api-keys/{key.reader}")),
    one("api-keys/revoke-twice", "DELETE /api-keys/{key.revoked}", by="author"),
    one("api-keys/revoke-unknown-id", "DELETE /api-keys/{post.plain}", by="author"),
    one("api-keys/revoke-no-uuid", "DELETE /api-keys/x", by="author"),
    story(
        "api-keys/shown-once-used-and-revoked",
        Step("POST /api-keys", BODY, by="author", keep={"raw": "data.raw_key", "new": "data.api_key.id"}),
        Step("GET /posts/{post.draft}", headers=WITH_KEY),
        Step("POST /posts", {"title": "T", "content": "C"}, headers=WITH_KEY),
        Step("GET /api-keys?limit=1", by="author"),
        Step("DELETE /api-keys/{new}", by="author"),
        Step("GET /posts/{post.draft}", headers=WITH_KEY),
        Step("GET /posts/{post.plain}", headers=WITH_KEY),
    ),
]
