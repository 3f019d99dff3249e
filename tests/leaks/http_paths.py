"""How every route is filled: which values its parameters take and which queries go with it.

A route that is missing here fails `test_coverage.py`. Whoever adds one adds its line: the values that are tried must
name hidden objects too, in every way in which the route takes them.
"""

import re
from typing import Final
from urllib.parse import quote

from cms.models import AuthSession
from tests.leaks.filling import Fill, plain, post_names, term_names, with_each
from tests.leaks.routes import Route
from tests.leaks.site_paths import site_urls
from tests.leaks.world import World


def walked_urls(route: Route, world: World) -> list[str] | None:
    """Every URL that the walk asks of this route, None when nobody has said how it is filled."""
    table = {"api_v1.root_urls": V1, "api_v2.root_urls": V2}.get(route.urlconf)
    if table is None:
        return site_urls(route.pattern, world)
    if not route.mount:
        pattern, url = ENDS[route.urlconf]
        return [url] if route.pattern == pattern else None
    if route.pattern not in table:
        return None
    return [f"/{route.mount}{rest}" for rest in table[route.pattern](world)]


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
        *(f"tag={name}" for name in hidden_tag_names(world)),
    ]
    return ["/posts", *(f"/posts?{query}" for query in queries)]


def hidden_tag_names(world: World) -> list[str]:
    """The name of one, and the slug of another."""
    return [
        world.words(f"{name} of the tag of a {state} post")[0]
        for name, state in (("name", "draft"), ("slug", "private"))
    ]


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
    words = (*titles, *hidden_tag_names(world), "publi", "one")
    return ["/search/suggest", *(f"/search/suggest?prefix={word[:5]}&limit=50" for word in words)]


def _v1_accounts(world: World) -> list[str]:
    people = [*world.users.values(), *world.lurkers]
    return [f"/users/{name}" for name in (*(user.pk for user in people), world.posts[0].pk, "author")]


V1_PAGES: Final = ("limit=1", "limit=1&page=2", "page=99")
V1: Final[dict[str, Fill]] = {
    "": plain(""),
    "/info": plain("/info"),
    "/health": plain("/health"),
    "/health/liveness": plain("/health/liveness"),
    "/health/readiness": plain("/health/readiness"),
    "/auth/register": plain("/auth/register"),
    "/auth/login": plain("/auth/login"),
    "/auth/refresh": plain("/auth/refresh"),
    "/auth/logout": plain("/auth/logout"),
    "/auth/profile": plain("/auth/profile"),
    "/csrf-token": plain("/csrf-token"),
    "/posts": _v1_posts,
    "/posts/<str:uuid>": lambda world: [f"/posts/{name}" for name in post_names(world)],
    "/posts/<str:uuid>/comments": lambda world: [
        *(f"/posts/{post.pk}/comments" for post in world.posts),
        *(f"/posts/{world.public[1].pk}/comments?{query}" for query in V1_PAGES),
    ],
    "/admin/posts": plain("/admin/posts", "limit=100", "status=draft", "status=trashed", "sort=title", *V1_PAGES),
    "/admin/posts/<str:uuid>": lambda world: [f"/admin/posts/{post.pk}" for post in world.posts],
    "/users": plain("/users", "limit=100", "role=Subscriber", "active=false", "sort=email", *V1_PAGES),
    "/users/<str:uuid>": _v1_accounts,
    "/api-keys": plain("/api-keys", *V1_PAGES),
    "/api-keys/<str:uuid>": lambda world: [f"/api-keys/{row.pk}" for row in world.rows["apikey"]],
    "/tags": plain("/tags", *V1_PAGES),
    "/tags/<str:slug>": lambda world: [f"/tags/{name}" for name in term_names(world.tags)],
    "/categories": plain("/categories", *V1_PAGES),
    "/categories/<str:slug>": lambda world: [f"/categories/{name}" for name in term_names(world.categories)],
    "/search": _v1_searches,
    "/search/suggest": _v1_suggestions,
    "/search/stats": plain("/search/stats"),
    "/search/reindex": plain("/search/reindex"),
    "/openapi.json": plain("/openapi.json"),
}
# The ends of the root URLconfs, which stand below no mount.
ENDS: Final = {"api_v1.root_urls": ("", "/api/v1/no-such-path"), "api_v2.root_urls": ("(?s:.*)", "/api/v2x")}

# -- v2 ---------------------------------------------------------------------------------------------------------------

ALL_STATES: Final = "status=draft,scheduled,published,archived,trashed"
ALL_INCLUDES: Final = "include=author,tags,categories,featured_image,comment_count"
SORT_KEYS: Final = ("created_at", "updated_at", "published_at", "title")
PAGES: Final = ("limit=1", "limit=1&count=exact", "limit=100", "cursor=nonsense")


def _v2_posts(world: World) -> list[str]:
    ids = ",".join(str(post.pk) for post in world.posts)
    author, day_ago = world.users["author"], "2020-01-01T00:00:00Z"
    languages = ",".join(word for post in world.hidden.values() for word in [post.language])
    filters = [
        *("q=open", "q=zq", "count=exact", ALL_STATES, *(f"status={status}" for status in ALL_STATES[7:].split(","))),
        *("kind=page", "kind=post,page", "tag=one", f"tag={world.tags[1].pk}", f"ids={ids}", f"language={languages}"),
        *(f"tag={name}" for name in hidden_tag_names(world)),
        *(f"category={category.slug}" for category in world.categories),
        *(f"category={category.pk}" for category in world.categories),
        *(f"author={name}" for user in (author, world.users["co_author"]) for name in (user.username, user.pk)),
        *(f"{name}={day_ago}" for name in ("published_after", "updated_after")),
        *(f"sort={sign}{key}" for key in SORT_KEYS for sign in ("", "-")),
        *("published_before=2100-01-01T00:00:00Z", "fields=id,title", "fields=content_html,excerpt,meta", *PAGES),
        *(f"include={name}" for name in ("author", "tags", "categories", "featured_image", "comment_count")),
    ]
    # Everything that hides somewhere is asked for with all states too, and counted.
    wide = [
        f"{ALL_STATES}&count=exact&limit=100&{query}" for query in filters if not re.search("status|count|limit", query)
    ]
    return ["/posts", *(f"/posts?{query}" for query in (*filters, *wide, f"{ALL_STATES}&{ALL_INCLUDES}&limit=100"))]


def _v2_tree_of_terms(path: str) -> Fill:
    return plain(path, "fields=id,name,post_count", *PAGES)


def _v2_post(world: World) -> list[str]:
    paths = [f"/posts/{name}" for name in post_names(world)]
    return [
        *paths,
        *(f"{path}?{query}" for path in paths[: len(world.posts)] for query in (ALL_INCLUDES, "fields=content")),
    ]


def _v2_comments(world: World) -> list[str]:
    paths = [f"/posts/{name}/comments" for name in post_names(world)]
    public = f"/posts/{world.public[1].pk}/comments"
    return [*paths, *(f"{public}?{query}" for query in ("fields=text,author_name,author", *PAGES))]


def _v2_searches(world: World) -> list[str]:
    """By words that stand in hidden posts alone and by such that stand in public ones too, in each order, with each filter."""
    words = [word for state in world.hidden for word in world.words(f"{state} post's")[:4]]
    asked = [url.partition("?")[2] for url in _v2_posts(world)]
    filters = [query for query in asked if query and not re.search(f"^q=|^{ALL_STATES}&", query)]
    queries = [
        *(f"q={word}&{ALL_STATES}" for word in words),
        *(f"q={word}" for word in words[::4]),
        *(f"q=open&{query}" for query in filters),
        *(
            "",
            "q=",
            "q=zq",
            "q=open&sort=relevance",
            f"q=one&{ALL_STATES}&limit=1",
            f"q={words[0]}&sort=title&count=exact",
        ),
    ]
    return [f"/search?{query}" for query in queries]


def _v2_suggestions(world: World) -> list[str]:
    titles = [word for state in world.hidden for word in world.words(f"{state} post's title")]
    words = (*titles, *hidden_tag_names(world), "publi", "one")
    return ["/search/suggest", *(f"/search/suggest?q={word[:5]}&limit=50" for word in words)]


def _v2_feed(world: World) -> list[str]:
    terms = [
        *(f"tag={name}" for name in term_names(world.tags)),
        *(f"category={name}" for name in term_names(world.categories)),
    ]
    return ["/feed.atom", *(f"/feed.atom?{query}" for query in (*terms, *PAGES[:1], "limit=100", "cursor=nonsense"))]


def _v2_posts_below(rest: str) -> Fill:
    return lambda world: [f"/posts/{name}{rest}" for name in post_names(world)]


def _v2_comments_below(rest: str) -> Fill:
    return lambda world: [f"/comments/{comment.pk}{rest}" for comment in world.comments[:2]]


def _v2_histories(rest: str, *queries: str) -> Fill:
    return lambda world: with_each([f"/posts/{post.pk}/revisions{rest}" for post in world.posts], *queries)


def _v2_previews(world: World) -> list[str]:
    """A link that somebody has signed shows its post by design; what isn't signed shows nothing."""
    return ["/previews/nonsense", *(f"/previews/{post.pk.hex}" for post in world.posts[:2])]


def _v2_redirects(world: World) -> list[str]:
    paths = [*(f"/posts/{slug}" for slug in world.old_slugs), "/no/such/path"]
    return [f"/redirects?path={quote(path)}" for path in paths]


def _v2_rows(path: str, model: str, rest: str = "", *queries: str) -> Fill:
    """By the ids of the rows of a model, of which those with secrets stand first, and by one that there isn't."""
    return lambda world: with_each(
        [f"{path}/{pk}{rest}" for pk in (*(row.pk for row in world.rows[model]), world.posts[0].pk)], *queries
    )


def _v2_logins(world: World) -> list[str]:
    ids = AuthSession.objects.order_by("pk").values_list("pk", flat=True)[:3]
    return with_each([f"/me/sessions/{pk}" for pk in (*ids, world.posts[0].pk)], "fields=is_current")


def _v2_accounts(world: World) -> list[str]:
    roles = ("role=subscriber,admin", "is_active=true", "is_active=false", "fields=username,email,bio")
    texts = [
        f"q={word}" for word in (*world.words("lurker's e-mail")[:1], *world.words("e-mail of admin"), "zq", "mia")
    ]
    return ["/users", *(f"/users?{query}" for query in (*roles, *texts, *PAGES))]


def _v2_events(world: World) -> list[str]:
    draft = world.hidden["draft"]
    queries = (
        *(f"object={draft.pk}", f"actor={world.users['author'].pk}", "action=post.created", "fields=before,after"),
        *("after=2020-01-01T00:00:00Z", "before=2100-01-01T00:00:00Z", *PAGES),
    )
    return ["/audit", *(f"/audit?{query}" for query in queries)]


_V2_USER: Final = "/users/<v2_segment:user_id>"
_V2_MEDIA: Final = "/media/<v2_segment:media_id>"
V2_ACCOUNTS: Final[dict[str, Fill]] = {
    "/users": _v2_accounts,
    _V2_USER: _v2_rows("/users", "user", "", "fields=username,display_name"),
    **{
        f"{_V2_USER}/actions/{action}": _v2_rows("/users", "user", f"/actions/{action}")
        for action in ("suspend", "activate", "set-role")
    },
    "/me/password": plain("/me/password"),
    "/me/sessions": plain("/me/sessions", "fields=id,is_current", *PAGES),
    "/me/sessions/<v2_segment:session_id>": _v2_logins,
    **{path: plain(path) for path in ("/auth/password-reset", "/auth/password-reset/confirm", "/auth/verify-email")},
    "/api-keys": lambda world: [
        "/api-keys",
        *(f"/api-keys?{query}" for query in (f"owner={world.users['author'].pk}", "fields=name,contact_email", *PAGES)),
    ],
    "/api-keys/<v2_segment:key_id>": _v2_rows("/api-keys", "apikey", "", "fields=name,prefix"),
    "/webhooks": plain("/webhooks", "fields=url,events", *PAGES),
    "/webhooks/<v2_segment:webhook_id>": _v2_rows("/webhooks", "webhook", "", "fields=url"),
    "/webhooks/<v2_segment:webhook_id>/deliveries": _v2_rows(
        "/webhooks", "webhook", "/deliveries", "status=pending", "status=dead", "fields=payload", *PAGES
    ),
    "/deliveries/<v2_segment:delivery_id>/actions/replay": _v2_rows("/deliveries", "delivery", "/actions/replay"),
    "/audit": _v2_events,
    "/media": plain("/media", "kind=image", "kind=document", "q=zq", "q=e", "fields=original_name,sha256", *PAGES),
    _V2_MEDIA: _v2_rows("/media", "mediafile", "", "fields=original_name,alt_text", "fields=links,uploaded_by"),
    f"{_V2_MEDIA}/content": _v2_rows("/media", "mediafile", "/content"),
    f"{_V2_MEDIA}/renditions/<v2_segment:spec>": lambda world: [
        f"/media/{media.pk}/renditions/{spec}" for media in world.rows["mediafile"] for spec in ("width-320", "width-1")
    ],
}
_V2_POST: Final = "/posts/<v2_segment:slug_or_id>"
_V2_REVISION: Final = f"{_V2_POST}/revisions/<v2_segment:number>"
V2_EDITORIAL: Final[dict[str, Fill]] = {
    **{
        f"{_V2_POST}/actions/{action}": _v2_posts_below(f"/actions/{action}")
        for action in ("publish", "unpublish", "archive", "restore", "preview")
    },
    f"{_V2_POST}/revisions": _v2_histories("", "fields=title,slug,reason", *PAGES),
    _V2_REVISION: _v2_histories("/1", "fields=content,meta"),
    f"{_V2_REVISION}/diff": _v2_histories("/2/diff", "against=1"),
    **{f"{_V2_REVISION}/actions/{action}": _v2_histories(f"/1/actions/{action}") for action in ("restore", "apply")},
    "/previews/<v2_segment:token>": _v2_previews,
    "/comments": lambda world: [
        "/comments",
        *(f"/comments?status={status}" for status in ("pending", "spam", "deleted")),
        *(f"/comments?{query}" for query in ("fields=text", f"post={world.posts[0].pk}", *PAGES)),
    ],
    **{
        f"/comments/<v2_segment:comment_id>/actions/{action}": _v2_comments_below(f"/actions/{action}")
        for action in ("approve", "reject", "spam")
    },
    "/redirects": _v2_redirects,
}
V2: Final[dict[str, Fill]] = {
    **V2_EDITORIAL,
    **V2_ACCOUNTS,
    "": plain(""),
    "/posts": _v2_posts,
    "/posts/<v2_segment:slug_or_id>": _v2_post,
    "/posts/<v2_segment:slug_or_id>/comments": _v2_comments,
    "/comments/<v2_segment:comment_id>": lambda world: [
        f"/comments/{comment.pk}{query}"
        for query in ("", "?fields=author,author_name")
        for comment in world.comments[: None if not query else 4]
    ],
    "/tags": _v2_tree_of_terms("/tags"),
    "/tags/<v2_segment:slug_or_id>": lambda world: with_each(
        [f"/tags/{name}" for name in term_names(world.tags)], "fields=post_count"
    ),
    "/categories": _v2_tree_of_terms("/categories"),
    "/categories/tree": plain("/categories/tree"),
    "/categories/<v2_segment:slug_or_id>": lambda world: with_each(
        [f"/categories/{name}" for name in term_names(world.categories)], "fields=post_count,parent"
    ),
    "/me": plain("/me"),
    "/auth/token": plain("/auth/token"),
    "/auth/token/refresh": plain("/auth/token/refresh"),
    "/auth/logout": plain("/auth/logout"),
    "/search": _v2_searches,
    "/search/suggest": _v2_suggestions,
    "/feed.atom": _v2_feed,
    "/sitemap.xml": plain("/sitemap.xml", "part=1", "part=2"),
    "/openapi.json": plain("/openapi.json"),
    "/docs": plain("/docs"),
    "/docs/v1-to-v2": plain("/docs/v1-to-v2"),
    "/changelog": plain("/changelog"),
    "/(?s:.*)": plain("/no-such-path"),
}
FOLLOWED: Final = {"cursor"}
"""Parameters that the walk takes from the links of an answer."""
