"""Bodies that no endpoint reads: malformed, of another type, or no object; each is refused before anything happens."""

from typing import Final

from tests.contract.v1.stories import Story, one, slug

READERS: Final = {
    "POST /auth/register": "anonymous",
    "POST /auth/login": "anonymous",
    "POST /auth/refresh": "anonymous",
    "POST /posts": "author",
    "PUT /posts/{post.plain}": "author",
    "PUT /users/{user.author}": "author",
    "POST /admin/posts": "admin",
    "POST /api-keys": "author",
}
BODIES: Final = {
    "malformed": '{"title": "T", ',
    "array": "[1, 2]",
    "null": "null",
    "not-utf-8": b'{"title": "\xff"}',
    "nothing": "",
    "lone-surrogate": '{"title": "\\ud800", "content": "C"}',
}

STORIES: Final[list[Story]] = [
    *(
        one(f"bodies/{slug(request.partition('{')[0])}/{name}", request, body, by=sender)
        for request, sender in READERS.items()
        for name, body in BODIES.items()
    ),
    *(
        one(
            f"bodies/{slug(request.partition('{')[0])}/{name}",
            request,
            "a=b",
            by=sender,
            headers={"Content-Type": kind},
        )
        for request, sender in READERS.items()
        for name, kind in {"form": "application/x-www-form-urlencoded", "text": "text/plain"}.items()
    ),
    one("bodies/by-a-stranger-malformed", "POST /posts", "{", by="subscriber"),
    one("bodies/by-nobody-malformed", "POST /posts", "{"),
    one(
        "bodies/charset",
        "POST /auth/login",
        {"email": "x"},
        headers={"Content-Type": "application/json; charset=utf-8"},
    ),
]
