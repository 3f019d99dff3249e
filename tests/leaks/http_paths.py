"""How every route is filled: which values its parameters take and which queries go with it.

A route that is missing here fails `test_coverage.py`. Whoever adds one adds its line: the values that are tried must
name hidden objects too, in every way in which the route takes them.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import quote

from tests.leaks.routes import Route
from tests.leaks.world import World

type Fill = Callable[[World], list[str]]
"""What stands after the route's mount, for everything that is to be asked."""


def walked_urls(route: Route, world: World) -> list[str] | None:
    """Every URL that the walk asks of this route, None when nobody has said how it is filled."""
    table = {"api_v1.root_urls": V1, "api_v2.root_urls": V2}.get(route.urlconf)
    if table is None:
        return _site_urls(route.pattern, world)
    if not route.mount:
        pattern, url = ENDS[route.urlconf]
        return [url] if route.pattern == pattern else None
    if route.pattern not in table:
        return None
    return [f"/{route.mount}{rest}" for rest in table[route.pattern](world)]


def _plain(path: str, *queries: str) -> Fill:
    return lambda world: [path, *(f"{path}?{query}" for query in queries)]


def _with_each(paths: Iterable[str], *queries: str) -> list[str]:
    return [f"{path}{query and '?'}{query}" for path in paths for query in ("", *queries)]


def _post_names(world: World) -> list[str]:
    names = [str(post.pk) for post in world.posts] + [post.slug for post in world.posts]
    return [*names, *world.old_slugs, "no-such-post"]


def _term_names(rows: Iterable[object]) -> list[str]:
    return [str(row.pk) for row in rows] + [row.slug for row in rows] + ["no-such-term"]  # type: ignore[attr-defined]


# -- v1 ---------------------------------------------------------------------------------------------------------------


def _v1_posts(world: World) -> list[str]:
    author, someone = world.users["author"].pk, world.users["subscriber"].pk
    queries = [
        *(
            "limit=1",
            "limit=1&page=2",
            "page=99",
            "limit=100",
            "author=no-uuid",
            f"author={author}",
            f"author={someone}",
        ),
        *(f"sort={sign}{key}" for key in ("created_at", "updated_at", "published_at", "title") for sign in ("", "-")),
        *(f"status={status}" for status in ("draft", "published", "archived", "trashed", "scheduled", "expired")),
        *("tag=one", "tag=two&status=draft", "search=zq", "visibility=private", "kind=page"),
    ]
    return ["/posts", *(f"/posts?{query}" for query in queries)]


def _v1_searches(world: World) -> list[str]:
    """By words that stand in hidden posts alone, by such that stand in public ones too, in every order."""
    words = [word for state in world.hidden for word in world.words(f"{state} post's")[:4]]
    queries = [
        *(f"q={word}" for word in words),
        *(f"q={words[0]}&sort_by={key}" for key in ("created_at", "published_at", "title", "relevance")),
        *(
            "q=open",
            "q=public&limit=1&offset=1",
            "q=",
            "q=open&sort_by=title&sort_order=asc",
            "q=zq",
            "q=one&offset=99",
        ),
    ]
    return ["/search", *(f"/search?{query}" for query in queries)]


def _v1_suggestions(world: World) -> list[str]:
    titles = [word for state in world.hidden for word in world.words(f"{state} post's title")]
    return ["/search/suggest", *(f"/search/suggest?prefix={word[:5]}&limit=50" for word in (*titles, "publi", "one"))]


def _v1_accounts(world: World) -> list[str]:
    people = [*world.users.values(), *world.lurkers]
    return [f"/users/{name}" for name in (*(user.pk for user in people), world.posts[0].pk, "author")]


V1_PAGES: Final = ("limit=1", "limit=1&page=2", "page=99")
V1: Final[dict[str, Fill]] = {
    "": _plain(""),
    "/info": _plain("/info"),
    "/health": _plain("/health"),
    "/health/liveness": _plain("/health/liveness"),
    "/health/readiness": _plain("/health/readiness"),
    "/auth/register": _plain("/auth/register"),
    "/auth/login": _plain("/auth/login"),
    "/auth/refresh": _plain("/auth/refresh"),
    "/auth/logout": _plain("/auth/logout"),
    "/auth/profile": _plain("/auth/profile"),
    "/csrf-token": _plain("/csrf-token"),
    "/posts": _v1_posts,
    "/posts/<str:uuid>": lambda world: [f"/posts/{name}" for name in _post_names(world)],
    "/posts/<str:uuid>/comments": lambda world: [
        *(f"/posts/{post.pk}/comments" for post in world.posts),
        *(f"/posts/{world.public[1].pk}/comments?{query}" for query in V1_PAGES),
    ],
    "/admin/posts": _plain("/admin/posts", "limit=100", "status=draft", "status=trashed", "sort=title", *V1_PAGES),
    "/admin/posts/<str:uuid>": lambda world: [f"/admin/posts/{post.pk}" for post in world.posts],
    "/users": _plain("/users", "limit=100", "role=Subscriber", "active=false", "sort=email", *V1_PAGES),
    "/users/<str:uuid>": _v1_accounts,
    "/api-keys": _plain("/api-keys", *V1_PAGES),
    "/api-keys/<str:uuid>": lambda world: [f"/api-keys/{row.pk}" for row in world.rows["apikey"]],
    "/tags": _plain("/tags", *V1_PAGES),
    "/tags/<str:slug>": lambda world: [f"/tags/{name}" for name in _term_names(world.tags)],
    "/categories": _plain("/categories", *V1_PAGES),
    "/categories/<str:slug>": lambda world: [f"/categories/{name}" for name in _term_names(world.categories)],
    "/search": _v1_searches,
    "/search/suggest": _v1_suggestions,
    "/search/stats": _plain("/search/stats"),
    "/search/reindex": _plain("/search/reindex"),
    "/openapi.json": _plain("/openapi.json"),
}
# The ends of the root URLconfs, which stand below no mount.
ENDS: Final = {"api_v1.root_urls": ("", "/api/v1/no-such-path"), "api_v2.root_urls": ("(?s:.*)", "/api/v2x")}

# -- v2 ---------------------------------------------------------------------------------------------------------------

ALL_STATES: Final = "status=draft,scheduled,published,archived,trashed"
ALL_INCLUDES: Final = "include=author,tags,categories,comment_count"
SORT_KEYS: Final = ("created_at", "updated_at", "published_at", "title")
PAGES: Final = ("limit=1", "limit=1&count=exact", "limit=100", "cursor=nonsense")


def _v2_posts(world: World) -> list[str]:
    ids = ",".join(str(post.pk) for post in world.posts)
    author, day_ago = world.users["author"], "2020-01-01T00:00:00Z"
    languages = ",".join(word for post in world.hidden.values() for word in [post.language])
    filters = [
        *("count=exact", ALL_STATES, *(f"status={status}" for status in ALL_STATES[7:].split(","))),
        *("kind=page", "kind=post,page", "tag=one", f"tag={world.tags[1].pk}", f"ids={ids}", f"language={languages}"),
        *(f"category={category.slug}" for category in world.categories),
        *(f"category={category.pk}" for category in world.categories),
        *(f"author={name}" for user in (author, world.users["co_author"]) for name in (user.username, user.pk)),
        *(f"{name}={day_ago}" for name in ("published_after", "updated_after")),
        *(f"sort={sign}{key}" for key in SORT_KEYS for sign in ("", "-")),
        *("published_before=2100-01-01T00:00:00Z", "fields=id,title", "fields=content_html,excerpt,meta", *PAGES),
        *(f"include={name}" for name in ("author", "tags", "categories", "comment_count")),
    ]
    # Everything that hides somewhere is asked for with all states too, and counted.
    wide = [
        f"{ALL_STATES}&count=exact&limit=100&{query}" for query in filters if not re.search("status|count|limit", query)
    ]
    return ["/posts", *(f"/posts?{query}" for query in (*filters, *wide, f"{ALL_STATES}&{ALL_INCLUDES}&limit=100"))]


def _v2_tree_of_terms(path: str) -> Fill:
    return _plain(path, "fields=id,name,post_count", *PAGES)


def _v2_post(world: World) -> list[str]:
    paths = [f"/posts/{name}" for name in _post_names(world)]
    return [
        *paths,
        *(f"{path}?{query}" for path in paths[: len(world.posts)] for query in (ALL_INCLUDES, "fields=content")),
    ]


def _v2_comments(world: World) -> list[str]:
    paths = [f"/posts/{name}/comments" for name in _post_names(world)]
    public = f"/posts/{world.public[1].pk}/comments"
    return [*paths, *(f"{public}?{query}" for query in ("fields=text,author_name,author", *PAGES))]


V2: Final[dict[str, Fill]] = {
    "": _plain(""),
    "/posts": _v2_posts,
    "/posts/<v2_segment:slug_or_id>": _v2_post,
    "/posts/<v2_segment:slug_or_id>/comments": _v2_comments,
    "/comments/<v2_segment:comment_id>": lambda world: [
        f"/comments/{comment.pk}{query}"
        for query in ("", "?fields=author,author_name")
        for comment in world.comments[: None if not query else 4]
    ],
    "/tags": _v2_tree_of_terms("/tags"),
    "/tags/<v2_segment:slug_or_id>": lambda world: _with_each(
        [f"/tags/{name}" for name in _term_names(world.tags)], "fields=post_count"
    ),
    "/categories": _v2_tree_of_terms("/categories"),
    "/categories/tree": _plain("/categories/tree"),
    "/categories/<v2_segment:slug_or_id>": lambda world: _with_each(
        [f"/categories/{name}" for name in _term_names(world.categories)], "fields=post_count,parent"
    ),
    "/users": _plain("/users"),
    "/me": _plain("/me"),
    "/auth/token": _plain("/auth/token"),
    "/auth/token/refresh": _plain("/auth/token/refresh"),
    "/auth/logout": _plain("/auth/logout"),
    "/(?s:.*)": _plain("/no-such-path"),
}
FOLLOWED: Final = {"cursor"}
"""Parameters that the walk takes from the links of an answer."""

# -- the site and its admin pages -------------------------------------------------------------------------------------

SITE: Final[dict[str, Fill]] = {
    "": _plain("/"),
    "admin": _plain("/admin"),
    "admin/": _plain("/admin/"),
    "admin/login/": _plain("/admin/login/"),
    "admin/logout/": _plain("/admin/logout/"),
    "admin/password_change/": _plain("/admin/password_change/"),
    "admin/password_change/done/": _plain("/admin/password_change/done/"),
    "admin/jsi18n/": _plain("/admin/jsi18n/"),
    "admin/search/": lambda world: [f"/admin/search/?{query}" for query in ("s=zq", "s=post", "s=zq&extended=1")],
    "admin/autocomplete/": lambda world: [
        f"/admin/autocomplete/?app_label=cms&model_name={model}&field_name={field}&term={term}"
        for model, field in (("post", "tags"), ("post", "categories"), ("post", "co_authors"), ("category", "parent"))
        for term in ("", "zq", *world.words("lurker's e-mail")[:1])
    ],
    "admin/r/<path:content_type_id>/<path:object_id>/": lambda world: [
        f"/admin/r/{number}/{post.pk}/" for number in range(1, 4) for post in world.posts[:2]
    ],
    "admin/^(?P<app_label>cms)/$": _plain("/admin/cms/"),
    "admin/(?P<url>.*)$": _plain("/admin/no-such-page"),
}
TAIL_QUERIES: Final = {"file/": ("size=square-160",)}
ORACLES: Final = ("author__email__startswith=zq", "author__password__startswith=!", "post__content__contains=zq")
LIST_QUERIES: Final = {
    "post": (*("state=draft", "state=trashed", "kind=all&state=scheduled", "kind=all&o=1"), *ORACLES),
    "comment": ("status__exact=pending", *ORACLES),
    "postrevision": ("is_draft__exact=1", *ORACLES),
    "category": ("is_active__exact=0",),
    "user": ("role__exact=admin", "password__startswith=!"),
    "auditevent": ("object_type=post",),
    "webhook": ("is_active__exact=1", "secret__startswith=z"),
    "delivery": ("status__exact=pending", "webhook__secret__startswith=z"),
}
FULLY_WALKED: Final = ("change/",)
SOME: Final = 2
_OF_A_MODEL = re.compile(r"admin/cms/(\w+)/(?:(add/)?|<(?:path:object_id|uuid:\w+)>/([\w-]+/)?)")


def _site_urls(pattern: str, world: World) -> list[str] | None:
    """Pages of a model are filled by their form: whatever hangs on an object's id is asked with the ids of its rows."""
    if pattern in SITE:
        return SITE[pattern](world)
    found = _OF_A_MODEL.fullmatch(pattern)
    model = found[1] if found else ""
    rows = world.rows.get(model)
    if not found or rows is None:
        return None
    base = f"/admin/cms/{model}/"
    if "<" in pattern:
        tail = found[3] or ""
        asked = rows if tail in FULLY_WALKED else rows[:SOME]
        return _with_each([f"{base}{quote(str(row.pk))}/{tail}" for row in asked], *TAIL_QUERIES.get(tail, ()))
    if found[2]:
        return [f"{base}add/"]
    return [base, *(f"{base}?{query}" for query in ("q=zq", "o=1", "all=", *LIST_QUERIES.get(model, ())))]
