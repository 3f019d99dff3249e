"""What every route has in common: its verbs, OPTIONS, HEAD, the credentials that are refused, and what is no route."""

from typing import Final

from tests.contract.v1.stories import BAD_CREDENTIALS, Step, Story, by_each, one, slug, story

ID: Final = "{post.plain}"
# A path of each route and a verb that it hasn't.
ROUTES: Final = {
    "": "POST",
    "/info": "DELETE",
    "/health": "POST",
    "/health/liveness": "PUT",
    "/health/readiness": "PATCH",
    "/openapi.json": "POST",
    "/csrf-token": "POST",
    "/auth/register": "GET",
    "/auth/login": "GET",
    "/auth/refresh": "PUT",
    "/auth/logout": "GET",
    "/auth/profile": "POST",
    "/posts": "DELETE",
    "/posts/{post.plain}": "PATCH",
    "/posts/{post.plain}/comments": "POST",
    "/users": "POST",
    "/users/{user.author}": "PATCH",
    "/admin/posts": "PUT",
    "/admin/posts/{post.plain}": "GET",
    "/api-keys": "PUT",
    "/api-keys/{key.reader}": "GET",
    "/tags": "POST",
    "/tags/light": "PUT",
    "/categories": "DELETE",
    "/categories/science": "POST",
    "/search": "POST",
    "/search/suggest": "DELETE",
    "/search/stats": "PUT",
    "/search/reindex": "GET",
}
PUBLIC_READS: Final = (f"/posts/{ID}", "/tags", "/search?q=plain")

STORIES: Final[list[Story]] = [
    *(one(f"routes/options/{slug(path) or 'root'}", f"OPTIONS {path}") for path in ROUTES),
    *(one(f"routes/405/{slug(path) or 'root'}", f"{verb} {path}", by="garbage token") for path, verb in ROUTES.items()),
    *(
        one(f"routes/head/{slug(path)}", f"HEAD {path}")
        for path in ("/info", "/posts", f"/posts/{ID}", "/tags", "/nowhere")
    ),
    *by_each(BAD_CREDENTIALS, one("routes/refused/profile", "GET /auth/profile")),
    *by_each(BAD_CREDENTIALS, one("routes/refused/post", f"GET /posts/{ID}")),
    *by_each(BAD_CREDENTIALS, one("routes/refused/creating", "POST /posts", {"title": "T", "content": "C"})),
    *(one(f"routes/refused/public-{slug(path)}", f"GET {path}", by="expired token") for path in PUBLIC_READS),
    *(
        one(f"routes/refused/probe-{slug(path)}", f"GET {path}", by="garbage token")
        for path in ("/health", "/health/liveness")
    ),
    one("routes/unknown", "GET /nowhere"),
    one("routes/unknown-with-a-bad-token", "POST /nowhere", by="garbage token"),
    one("routes/unknown-below-a-post", f"GET /posts/{ID}/nowhere"),
    one("routes/slash-at-the-end", "GET /posts/"),
    one("routes/openapi", "GET /openapi.json"),
    one("routes/info", "GET /info"),
    one("routes/root", "GET "),
    one("routes/health", "GET /health"),
    one("routes/health-liveness", "GET /health/liveness"),
    one("routes/health-readiness", "GET /health/readiness"),
    one("routes/csrf-token", "GET /csrf-token"),
    one("routes/accept-is-ignored", "GET /tags/light", headers={"Accept": "text/html"}),
    story("routes/two-credentials", Step("GET /auth/profile", by="author", headers={"X-API-Key": "abc"})),
]
