"""Every path and verb of v1 with its equivalent in v2, or the reason why it has none."""

from collections.abc import Mapping
from typing import Any, Final, cast

from api_v1.successors import parameters
from api_v1.successors.shape import Answer, Call, Parameter, Route, Step

_NAMES: Final = {"include": "tags,categories"}
"""With it v2 tells the names of tags and categories, which stand in v1's posts."""
_ALL_STATES: Final = {"status": "draft,scheduled,published,archived"}
_AS_PUBLISHED: Final = {"status": "published,scheduled"}
_NEWEST_FIRST: Final = {"sort": "-created_at"}


def _call(target: str, query: Mapping[str, str] | None = None, query_of_users: Mapping[str, str] | None = None) -> Call:
    method, path = target.split(" ")
    return {"method": method, "path": path, "query": dict(query or {}), "query_of_users": dict(query_of_users or {})}


def _step(when: str, target: str, **body: str) -> Step:
    method, path = target.split(" ")
    return {"when": when, "method": method, "path": path, "body": body}


def _route(source: str, call: Call | None, **more: Any) -> Route:
    method, path = source.split(" ")
    empty: Route = {
        "method": method,
        "path": "" if path == "/" else path,
        "call": call,
        "gap": "",
        "then": (),
        "parameters": (),
        "body": None,
        "answers": (),
        "statuses": (200, 200),
        "notes": (),
    }
    return cast("Route", {**empty, **more})


def _gap(source: str, why: str, status: int = 200) -> Route:
    return _route(source, None, gap=why, statuses=(status, None))


def _one(shape: str, source: str, call: Call, **more: Any) -> Route:
    return _route(source, call, answers=(_answer(shape, "/data", ""),), **more)


def _list(shape: str, source: str, call: Call, taken: tuple[Parameter, ...] = parameters.PAGES, **more: Any) -> Route:
    rows = _answer(shape, "/data/items/*", "/data/*", is_same_order=more.pop("is_same_order", True))
    return _route(source, call, parameters=taken, answers=(_answer("page", "/data", ""), rows), **more)


def _answer(shape: str, v1: str, v2: str, *, is_same_order: bool = True) -> Answer:
    return {"shape": shape, "v1": v1, "v2": v2, "is_same_order": is_same_order}


_HEALTH: Final = "Health is not part of v2: it concerns the service, not a version of its API."
_PUBLISH: Final = _step("when `published` is true", "POST /posts/{id}/actions/publish")
_TOKENS: Final = _answer("tokens", "/data/tokens", "")
_IDS_ALONE: Final = (
    "The answer names tags and categories by id; `GET` with `include=tags,categories` tells their names."
)
_NEW_POST: Final[dict[str, Any]] = {
    "body": "PostInput",
    "statuses": (201, 201),
    "then": (_PUBLISH,),
    "notes": ("A new post is a draft until it is published.", "`Location` names it.", _IDS_ALONE),
}

ROUTES: Final[tuple[Route, ...]] = (
    # what this is
    _route("GET /", _call("GET "), notes=("`links` in place of `endpoints`, without the envelope as in v1.",)),
    _route("GET /info", _call("GET "), notes=("`links` in place of `endpoints`, without the envelope as in v1.",)),
    _route("GET /openapi.json", _call("GET /openapi.json"), notes=("The document of v2.",)),
    _gap("GET /health", _HEALTH),
    _gap("GET /health/liveness", _HEALTH),
    _gap("GET /health/readiness", _HEALTH),
    # signing in
    _gap(
        "GET /csrf-token",
        "v2 has no endpoint for CSRF tokens. A page that changes things with a browser's session sends as "
        "`X-CSRFToken` the value of the cookie `csrftoken`, which is set when signing in at the admin site.",
    ),
    _route(
        "POST /auth/register",
        _call("POST /users"),
        body="RegisterInput",
        statuses=(201, 201),
        answers=(_answer("user", "/data/user", ""),),
        then=(_step("for tokens", "POST /auth/token", email="as registered", password="as registered"),),  # noqa: S106
        notes=("Registering and signing in are two requests: the answer is the user, without tokens.",),
    ),
    _route(
        "POST /auth/login",
        _call("POST /auth/token"),
        body="LoginInput",
        answers=(_TOKENS,),
        then=(_step("for the `user` of v1's answer", "GET /me"),),
        notes=("`email` takes a username too, as in v1.",),
    ),
    _route(
        "POST /auth/refresh",
        _call("POST /auth/token/refresh"),
        body="RefreshInput",
        answers=(_TOKENS,),
        then=(_step("for the `user` of v1's answer", "GET /me"),),
        notes=("A refresh token of v1 is taken. As in v1 it is good for one use.",),
    ),
    _route("POST /auth/logout", _call("POST /auth/logout"), statuses=(200, 204)),
    _one("user", "GET /auth/profile", _call("GET /me")),
    # posts
    _list(
        "post",
        "GET /posts",
        _call("GET /posts", _NEWEST_FIRST | _NAMES, _AS_PUBLISHED),
        parameters.POSTS,
        notes=("Unless told otherwise, v2 sorts by `-published_at`.",),
    ),
    _one("post", "POST /posts", _call("POST /posts"), **_NEW_POST),
    _one(
        "post",
        "GET /posts/{uuid}",
        _call("GET /posts/{uuid}", _NAMES),
        notes=("Editors find in v2 what is in the trash.",),
    ),
    _one(
        "post",
        "PUT /posts/{uuid}",
        _call("PATCH /posts/{uuid}"),
        body="PostChanges",
        then=(
            _step("when `published` turns true", "POST /posts/{uuid}/actions/publish"),
            _step("when `published` turns false", "POST /posts/{uuid}/actions/unpublish"),
        ),
        notes=(
            "`categories` replaces all of them, where v1 kept those that it doesn't show.",
            "`excerpt: null` has it derived from the content, `featured_image: null` takes the image away.",
            "To publish an archived post, `actions/restore` it first.",
            _IDS_ALONE,
        ),
    ),
    _route(
        "DELETE /posts/{uuid}",
        _call("DELETE /posts/{uuid}"),
        statuses=(200, 204),
        notes=("Into the trash, as before; `actions/restore` takes it out again.",),
    ),
    _list(
        "comment",
        "GET /posts/{uuid}/comments",
        _call("GET /posts/{uuid}/comments"),
        is_same_order=False,
        notes=("In the order of the thread, answers below what they answer; v1 lists the oldest first.",),
    ),
    _list(
        "post",
        "GET /admin/posts",
        _call("GET /posts", _NEWEST_FIRST | _NAMES | _ALL_STATES),
        parameters.POSTS_OF_ALL_STATES,
        notes=("One list for everybody: `status` says which states, and each caller gets what they may see.",),
    ),
    _one("post", "POST /admin/posts", _call("POST /posts"), **_NEW_POST),
    _route("DELETE /admin/posts/{uuid}", _call("DELETE /posts/{uuid}"), statuses=(200, 204)),
    # accounts
    _list("user", "GET /users", _call("GET /users"), parameters.USERS),
    _one(
        "user",
        "GET /users/{uuid}",
        _call("GET /users/{uuid}"),
        notes=(
            "Admins and the user get the whole account. v2 shows everybody a public profile of authors; all others are "
            "404, where v1 answers 403.",
        ),
    ),
    _one(
        "user",
        "PUT /users/{uuid}",
        _call("PATCH /users/{uuid}"),
        body="UserChanges",
        then=(
            _step("when `role` changes", "POST /users/{uuid}/actions/set-role", role="in lower case"),
            _step("when `is_active` turns true", "POST /users/{uuid}/actions/activate"),
            _step("when `is_active` turns false", "POST /users/{uuid}/actions/suspend"),
        ),
    ),
    _route(
        "DELETE /users/{uuid}",
        _call("POST /users/{uuid}/actions/suspend"),
        notes=(
            "v1 deactivates. DELETE in v2 erases the person: it can't be undone.",
            "Suspending is for admins. Users close their own account by DELETE with `current_password`.",
            "The answer is the user, not a message.",
        ),
    ),
    _list(
        "api_key",
        "GET /api-keys",
        _call("GET /api-keys", None, {"owner": "{user}"}),
        notes=("Without `owner` admins see the keys of all.",),
    ),
    _route(
        "POST /api-keys",
        _call("POST /api-keys"),
        body="ApiKeyInput",
        statuses=(201, 201),
        answers=(_answer("api_key", "/data/api_key", ""),),
        notes=("`raw_key` is called `secret` and stands in the key itself.",),
    ),
    _route("DELETE /api-keys/{uuid}", _call("DELETE /api-keys/{uuid}"), statuses=(200, 204)),
    # terms
    _list("tag", "GET /tags", _call("GET /tags")),
    _one("tag", "GET /tags/{slug}", _call("GET /tags/{slug}")),
    _list("category", "GET /categories", _call("GET /categories")),
    _one("category", "GET /categories/{slug}", _call("GET /categories/{slug}")),
    # finding
    _route(
        "GET /search",
        _call("GET /search", _NAMES, _ALL_STATES),
        parameters=parameters.SEARCH,
        answers=(_answer("search", "/data", ""), _answer("post", "/data/hits/*", "/data/*/post")),
        notes=(
            "Unless `status` says otherwise v2 finds what is published, where v1 finds all that the caller may see.",
        ),
    ),
    _route(
        "GET /search/suggest",
        _call("GET /search/suggest"),
        parameters=parameters.SUGGEST,
        answers=(_answer("suggestions", "/data", ""),),
    ),
    _gap("GET /search/stats", "v2 doesn't count its index. `GET /posts?count=exact` returns the number of posts."),
    _gap("POST /search/reindex", "The index follows every change by itself, and clients cannot rebuild it."),
)
