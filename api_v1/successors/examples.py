"""The same request to both versions, with the response of each."""

from typing import Any, Final

from api_v1.successors.shape import Example

_POST_ID: Final = "0199a3c2-5b1e-7c40-9d3f-2f6a1c0e8b57"
_AUTHOR_ID: Final = "0199a3c2-1d07-7f12-8a55-61b0c9d4e2f3"
_TAG_ID: Final = "0199a3c2-2e4a-7a90-b3c8-04d7f5a1962e"
_CATEGORY_ID: Final = "0199a3c2-3c8b-7be1-95d6-7e20b84fa31c"
_CREATED: Final = "2026-11-30T08:15:00.000000Z"
_PUBLISHED: Final = "2026-12-01T08:30:00.000000Z"
_WORDS: Final = {"title": "Winter light", "content": "The days are short.", "excerpt": "The days are short."}
_TIMES: Final = {"created_at": _CREATED, "updated_at": _PUBLISHED, "published_at": _PUBLISHED}
_MEMBERS: Final = "id,title,content,excerpt,status,author,tags,categories,meta,created_at,updated_at,published_at"

_V1_POST: Final[dict[str, Any]] = {
    "id": _POST_ID,
    **_WORDS,
    "status": "published",
    "author_id": _AUTHOR_ID,
    "tags": ["Light"],
    "metadata": {"meta_title": None, "meta_description": None, "categories": ["Essays"]},
    **_TIMES,
}
_V2_POST: Final[dict[str, Any]] = {
    "id": _POST_ID,
    **_WORDS,
    "status": "published",
    "author": _AUTHOR_ID,
    "tags": [_TAG_ID],
    "categories": [_CATEGORY_ID],
    "meta": {"title": "", "description": ""},
    **_TIMES,
}
_STAMPS: Final = {"created_at": _CREATED, "updated_at": _CREATED}
_TERM: Final = {"description": "", "post_count": 1}
_INCLUDED: Final[dict[str, Any]] = {
    "tags": [{"id": _TAG_ID, **_STAMPS, "name": "Light", "slug": "light", **_TERM}],
    "categories": [
        {
            "id": _CATEGORY_ID,
            **_STAMPS,
            "name": "Essays",
            "slug": "essays",
            **_TERM,
            "parent": None,
            "is_active": True,
        }
    ],
}
_NEW: Final = {"status": "draft", "created_at": _CREATED, "updated_at": _CREATED, "published_at": None}
_PATH: Final = f"/api/v2/posts/{_POST_ID}"


def _enveloped(data: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "message": None, "error": None}


EXAMPLES: Final[tuple[Example, ...]] = (
    {
        "title": "A list",
        "about": "`fields` asks for what v1 tells and nothing more; without it each post has all its members.",
        "v1": {
            "request": "GET /api/v1/posts?page=1&limit=1",
            "body": None,
            "status": 200,
            "answer": _enveloped({"items": [_V1_POST], "total": 57, "page": 1, "limit": 1, "total_pages": 57}),
        },
        "v2": {
            "request": (
                f"GET /api/v2/posts?limit=1&sort=-created_at&include=tags,categories&count=exact&fields={_MEMBERS}"
            ),
            "body": None,
            "status": 200,
            "answer": {
                "data": [_V2_POST],
                "page": {
                    "next": (
                        "/api/v2/posts?limit=1&sort=-created_at&include=tags%2Ccategories&count=exact"
                        f"&fields={_MEMBERS}&cursor=WyJuZXh0Ii…"
                    ),
                    "previous": None,
                    "has_more": True,
                    "limit": 1,
                    "total": 57,
                },
                "included": _INCLUDED,
            },
        },
    },
    {
        "title": "One object",
        "about": "The bare object. `ETag` in the headers is for `If-None-Match` and `If-Match`.",
        "v1": {
            "request": f"GET /api/v1/posts/{_POST_ID}",
            "body": None,
            "status": 200,
            "answer": _enveloped(_V1_POST),
        },
        "v2": {
            "request": f"GET {_PATH}?include=tags,categories&fields={_MEMBERS}",
            "body": None,
            "status": 200,
            "answer": {**_V2_POST, "included": _INCLUDED},
        },
    },
    {
        "title": "Creating",
        "about": "`published: true` becomes a second request: `POST …/actions/publish`.",
        "v1": {
            "request": "POST /api/v1/posts",
            "body": {
                "title": _WORDS["title"],
                "content": _WORDS["content"],
                "tags": ["Light"],
                "category": "essays",
                "meta_title": "Light in winter",
            },
            "status": 201,
            "answer": _enveloped(
                {**_V1_POST, "metadata": {**_V1_POST["metadata"], "meta_title": "Light in winter"}, **_NEW}
            ),
        },
        "v2": {
            "request": "POST /api/v2/posts",
            "body": {
                "title": _WORDS["title"],
                "content": _WORDS["content"],
                "tags": ["Light"],
                "categories": ["essays"],
                "meta": {"title": "Light in winter"},
            },
            "status": 201,
            "answer": {
                "id": _POST_ID,
                **_STAMPS,
                "kind": "post",
                "slug": "winter-light",
                **_WORDS,
                "content_format": "markdown",
                "content_html": "<p>The days are short.</p>\n",
                "language": "en",
                "status": "draft",
                "visibility": "public",
                "author": _AUTHOR_ID,
                "co_authors": [],
                "tags": [_TAG_ID],
                "categories": [_CATEGORY_ID],
                "featured_image": None,
                "meta": {"title": "Light in winter", "description": ""},
                "published_at": None,
                "expires_at": None,
                "reading_time_min": 1,
                "version": 1,
                "actions": ["update", "publish", "archive", "trash", "preview"],
                "links": {
                    "self": _PATH,
                    "comments": f"{_PATH}/comments",
                    "revisions": f"{_PATH}/revisions",
                },
            },
        },
    },
    {
        "title": "A refusal",
        "about": "Programs go by `type` and by the `code` of each item; the sentences are for people and may change.",
        "v1": {
            "request": "POST /api/v1/posts",
            "body": {"content": "Words."},
            "status": 422,
            "answer": {
                "success": False,
                "data": None,
                "message": None,
                "error": "Invalid input",
                "validation_errors": [{"field": "title", "message": "This field is required."}],
            },
        },
        "v2": {
            "request": "POST /api/v2/posts",
            "body": {"content": "Words."},
            "status": 422,
            "answer": {
                "type": "urn:problem-type:tandem:invalid-input",
                "title": "The input is not valid",
                "status": 422,
                "detail": "The member 'title' is required.",
                "instance": "/api/v2/posts",
                "request_id": "0199a3c2-7d11-7003-8c2e-5a9b3e6f1d80",
                "errors": [{"pointer": "/title", "code": "required", "message": "The member 'title' is required."}],
            },
        },
    },
)
