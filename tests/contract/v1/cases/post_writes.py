"""Posts, written: who may, what is refused, which states may follow, and that a write keeps what v1 can't see."""

from typing import Any, Final

from tests.contract.v1.stories import EVERYONE, STRANGERS, Step, Story, by_each, one, story

BODY: Final[dict[str, Any]] = {"title": "New words", "content": "Some *text*."}
WHOLE: Final[dict[str, Any]] = {
    **BODY,
    "excerpt": "Short.",
    "slug": "new-words-2026",
    "published": True,
    "tags": ["Zürich", "brand new"],
    "category": "Physics",
    "featured_image": "{media.full}",
    "meta_title": "Title",
    "meta_description": "About.",
}
KEYS: Final = ("key writer", "key reader", "key commenter", "key admin", "key subscriber")
WRITERS: Final = (*EVERYONE, "co_author", "other_author")

ACCEPTED: Final[dict[str, dict[str, Any]]] = {
    "whole": WHOLE,
    "draft-said": {**BODY, "published": False},
    "nulls-count-as-absent": {**BODY, "excerpt": None, "slug": None, "tags": None, "category": None, "published": None},
    "unknown-fields-ignored": {**BODY, "status": "archived", "author_id": "{user.admin}", "visibility": "private"},
    "category-by-slug": {**BODY, "category": "science"},
    "tags-repeated": {**BODY, "tags": ["Zürich", "zürich"]},
    "title-of-another": {**BODY, "title": "A plain post"},
    "title-without-letters": {**BODY, "title": "!!!"},
    "any-script": {"title": "二十四节气 – السماء", "content": "🐤 текст"},
    "title-at-its-limit": {**BODY, "title": "ß" * 200, "meta_title": "m" * 200},
}
REFUSED: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "empty-title": {**BODY, "title": ""},
    "title-too-long": {**BODY, "title": "x" * 201},
    "empty-content": {**BODY, "content": ""},
    "nul": {**BODY, "content": "a\u0000b"},
    "excerpt-too-long": {**BODY, "excerpt": "x" * 501},
    "meta-too-long": {**BODY, "meta_title": "x" * 201, "meta_description": "x" * 501},
    "wrong-types": {"title": 1, "content": None, "published": "yes", "tags": "a", "category": 5, "featured_image": 7},
    "tag-items-of-wrong-type": {**BODY, "tags": ["a", 1, None]},
    "tag-with-a-comma": {**BODY, "tags": ["a, b"]},
    "tag-too-long": {**BODY, "tags": ["x" * 51]},
    "too-many-tags": {**BODY, "tags": [f"t{n}" for n in range(51)]},
    "slug-with-a-blank": {**BODY, "slug": "a b"},
    "slug-like-a-uuid": {**BODY, "slug": "00000000-0000-0000-0000-000000000000"},
    "unknown-category": {**BODY, "category": "Nowhere"},
    "inactive-category": {**BODY, "category": "Old stuff"},
    "unknown-image": {**BODY, "featured_image": "{user.author}"},
    "image-no-uuid": {**BODY, "featured_image": "x"},
}
CHANGES: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "nothing-new": {"title": "A plain post"},
    "title": {"title": "Renamed"},
    "slug": {"slug": "renamed"},
    "content": {"content": "Other text."},
    "excerpt": {"excerpt": "My own."},
    "excerpt-emptied": {"excerpt": ""},
    "tags": {"tags": ["light & shadow", "fresh"]},
    "no-tags": {"tags": []},
    "category": {"category": "History"},
    "meta": {"meta_title": "M", "meta_description": ""},
    "image": {"featured_image": "{media.full}"},
    "all": {**WHOLE, "published": True},
    "unknown-fields": {"visibility": "private", "status": "draft", "co_authors": []},
    "nulls": {"title": None, "content": None, "excerpt": None, "published": None},
}
STATES: Final = ("plain", "full", "page", "private", "draft", "scheduled", "expired", "archived", "trashed")
HIDDEN: Final = ("draft", "scheduled", "expired", "private", "archived")


def put(name: str, body: Any, *, post: str = "plain", by: str = "author") -> Story:
    return one(name, f"PUT /posts/{{post.{post}}}", body, by=by)


STORIES: Final[list[Story]] = [
    *by_each((*WRITERS, *KEYS), one("posts/create/by", "POST /posts", BODY)),
    *by_each(("author", "key writer"), one("posts/create/published", "POST /posts", {**BODY, "published": True})),
    *(one(f"posts/create/{name}", "POST /posts", body, by="author") for name, body in ACCEPTED.items()),
    *(one(f"posts/create/422/{name}", "POST /posts", body, by="author") for name, body in REFUSED.items()),
    one("posts/create/409-slug", "POST /posts", {**BODY, "slug": "a-plain-post"}, by="author"),
    one("posts/create/inactive-category-by-an-editor", "POST /posts", {**BODY, "category": "Old stuff"}, by="editor"),
    story(
        "posts/create/then-published-read-by-all-and-trashed",
        Step("POST /posts", BODY, by="author", keep={"new": "data.id"}),
        Step("GET /posts/{new}"),
        Step("PUT /posts/{new}", {"published": True}, by="author"),
        Step("GET /posts/{new}"),
        Step("GET /posts?limit=1"),
        Step("DELETE /posts/{new}", by="author"),
        Step("GET /posts/{new}", by="author"),
        Step("DELETE /posts/{new}", by="author"),
    ),
    *(put(f"posts/put/{name}", body) for name, body in CHANGES.items()),
    *(put(f"posts/put/422/{name}", body) for name, body in REFUSED.items() if name != "nothing"),
    put("posts/put/409-slug", {"slug": "full-full"}),
    *by_each((*WRITERS, *KEYS), put("posts/put/by", {"title": "Renamed"}, post="full")),
    *(
        told
        for state in HIDDEN
        for told in by_each(STRANGERS, put(f"posts/put/hidden-{state}", {"title": "T"}, post=state))
    ),
    # Everything that v1 can't see is filled in `full`, `scheduled` and `archived`, and no line of their rows may name it.
    *(
        put(f"posts/put/{state}/{name}", body, post=state)
        for state in STATES
        for name, body in {
            "title": {"title": "Renamed"},
            "published": {"published": True},
            "unpublished": {"published": False},
            "category": {"category": "Science"},
        }.items()
    ),
    put("posts/put/full/by-an-editor-who-sees-inactive-categories", {"category": "Science"}, post="full", by="editor"),
    put("posts/put/full/all", {**WHOLE, "slug": "whole"}, post="full"),
    one("posts/put/unknown-id", "PUT /posts/{user.author}", {"title": "T"}, by="admin"),
    one("posts/put/no-uuid", "PUT /posts/a-plain-post", {"title": "T"}, by="admin"),
    *by_each((*WRITERS, *KEYS), one("posts/delete/by", "DELETE /posts/{post.full}")),
    *(one(f"posts/delete/{state}", f"DELETE /posts/{{post.{state}}}", by="author") for state in STATES),
    *by_each(("subscriber", "other_author"), one("posts/delete/hidden-draft", "DELETE /posts/{post.draft}")),
    one("posts/delete/unknown-id", "DELETE /posts/{user.author}", by="admin"),
    one("posts/delete/no-uuid", "DELETE /posts/x", by="admin"),
    one("posts/delete/no-uuid-by-nobody", "DELETE /posts/x"),
]
