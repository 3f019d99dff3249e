"""The objects of one small site, as its author Mia sees them: a post, and everything that belongs to it."""

from typing import Any, Final

from cms import limits

type Json = dict[str, Any]

BASE: Final = "/api/v2"


def _id(number: int) -> str:
    """Return an id as if made on 31 January 2026 at noon (UUIDv7)."""
    return f"019c13ec-9e00-7000-8000-{number:012d}"


POST_ID: Final = _id(1)
MIA_ID: Final = _id(2)
_BEN_ID: Final = _id(3)
_FERRIES_ID: Final = _id(4)
_TRAVEL_TAG_ID: Final = _id(5)
_TRAVEL_ID: Final = _id(6)
_COASTS_ID: Final = _id(7)
_MEDIA_ID: Final = _id(8)
_COMMENT_ID: Final = _id(9)
_WEBHOOK_ID: Final = _id(10)
_EVENT_ID: Final = _id(11)
_EARLIER: Final = "2025-11-03T08:30:00.000000Z"
_WRITTEN: Final = "2026-01-30T09:15:00.120000Z"
PUBLISHED: Final = "2026-01-31T12:00:00.000000Z"
CHANGED: Final = "2026-02-01T18:42:07.350000Z"
PATH: Final = f"{BASE}/posts/{POST_ID}"


def _made(id: str, created_at: str = _EARLIER, updated_at: str = "") -> Json:
    return {"id": id, "created_at": created_at, "updated_at": updated_at or created_at}


PROFILE: Final[Json] = {**_made(MIA_ID), "username": "mia", "display_name": "Mia", "bio": ""}
_BEN: Final[Json] = {**_made(_BEN_ID), "username": "ben", "display_name": "Ben", "bio": "On every ferry."}
ACCOUNT: Final[Json] = {
    **PROFILE,
    "email": "mia@example.org",
    "first_name": "Mia",
    "last_name": "Berg",
    "role": "author",
    "is_active": True,
    "email_verified": True,
    "pending_email": None,
    "last_login_at": _WRITTEN,
}
NEW_ACCOUNT: Final[Json] = {
    **ACCOUNT,
    "display_name": "",
    "first_name": "",
    "last_name": "",
    "role": "subscriber",
    "email_verified": False,
    "last_login_at": None,
}
TAG: Final[Json] = {
    **_made(_FERRIES_ID),
    "name": "Ferries",
    "slug": "ferries",
    "description": "Boats that come back",
    "post_count": 1,
}
TRAVEL_TAG: Final[Json] = {
    **_made(_TRAVEL_TAG_ID, _WRITTEN),
    "name": "travel",
    "slug": "travel",
    "description": "",
    "post_count": 1,
}
TRAVEL: Final[Json] = {
    **_made(_TRAVEL_ID),
    "name": "Travel",
    "slug": "travel",
    "description": "",
    "post_count": 0,
    "parent": None,
    "is_active": True,
}
COASTS: Final[Json] = {
    **TRAVEL,
    "id": _COASTS_ID,
    "name": "Coasts",
    "slug": "coasts",
    "post_count": 1,
    "parent": _TRAVEL_ID,
}
DRAFT: Final[Json] = {
    **_made(POST_ID, _WRITTEN),
    "kind": "post",
    "slug": "a-letter-from-the-coast",
    "title": "A letter from the coast",
    "content": "The *ferry* was late.",
    "content_format": "markdown",
    "content_html": "<p>The <em>ferry</em> was late.</p>\n",
    "excerpt": "The ferry was late.",
    "language": "en",
    "status": "draft",
    "visibility": "public",
    "author": MIA_ID,
    "co_authors": [],
    "tags": [_FERRIES_ID, _TRAVEL_TAG_ID],
    "categories": [],
    "featured_image": None,
    "meta": {"title": "", "description": "A week by the sea"},
    "published_at": None,
    "expires_at": None,
    "reading_time_min": 1,
    "version": 1,
    "actions": ["update", "publish", "archive", "trash", "preview"],
    "links": {"self": PATH, "comments": f"{PATH}/comments", "revisions": f"{PATH}/revisions"},
}
POST: Final[Json] = {
    **DRAFT,
    "updated_at": CHANGED,
    "content": "The *ferry* was late.\n\nThe sea was not.",
    "content_html": "<p>The <em>ferry</em> was late.</p>\n<p>The sea was not.</p>\n",
    "excerpt": "The ferry was late. The sea was not.",
    "status": "published",
    "co_authors": [_BEN_ID],
    "categories": [_COASTS_ID],
    "featured_image": _MEDIA_ID,
    "published_at": PUBLISHED,
    "version": 3,
    "actions": ["update", "unpublish", "archive", "trash", "preview"],
}
REVISION_SUMMARY: Final[Json] = {
    **_made(_id(13), CHANGED),
    "post": POST_ID,
    "number": 2,
    "is_draft": False,
    "author": MIA_ID,
    "reason": "updated",
    "title": POST["title"],
    "slug": POST["slug"],
    "links": {"self": f"{PATH}/revisions/2", "post": PATH},
}
FIRST_REVISION_SUMMARY: Final[Json] = {
    **REVISION_SUMMARY,
    **_made(_id(12), _WRITTEN),
    "number": 1,
    "reason": "created",
    "links": {"self": f"{PATH}/revisions/1", "post": PATH},
}
OF_A_REVISION: Final = ("content", "content_format", "excerpt", "language", "featured_image", "meta")
COMMENT: Final[Json] = {
    **_made(_COMMENT_ID, PUBLISHED),
    "post": POST_ID,
    "author": _BEN_ID,
    "author_name": "Ben",
    "text": "I was on that ferry.",
    "status": "published",
    "parent": None,
    "depth": 0,
    "edited_at": None,
}
ANSWER: Final[Json] = {
    **COMMENT,
    **_made(_id(14), CHANGED),
    "author": MIA_ID,
    "author_name": "Mia",
    "text": "Then you know.",
    "parent": _COMMENT_ID,
    "depth": 1,
}
_MEDIA_PATH: Final = f"{BASE}/media/{_MEDIA_ID}"
MEDIA: Final[Json] = {
    **_made(_MEDIA_ID, _WRITTEN),
    "original_name": "quay.jpg",
    "mime_type": "image/jpeg",
    "size_bytes": 184_320,
    "sha256": "9f" * 32,
    "width": 1600,
    "height": 1200,
    "alt_text": "A ferry at the quay",
    "caption": "The last one of the day",
    "focal_point": {"x": 0.25, "y": 0.4},
    "uploaded_by": MIA_ID,
    "links": {
        "self": _MEDIA_PATH,
        "content": f"{_MEDIA_PATH}/content",
        "renditions": {spec: f"{_MEDIA_PATH}/renditions/{spec}" for spec in limits.RENDITIONS},
    },
}
INCLUDED: Final[Json] = {
    "authors": [PROFILE, _BEN],
    "tags": [TAG, TRAVEL_TAG],
    "categories": [COASTS],
    "featured_images": [MEDIA],
}
SESSION: Final[Json] = {**_made(_id(15), _WRITTEN), "expires_at": "2026-02-13T09:15:00.120000Z", "is_current": True}
TOKENS: Final[Json] = {
    "access_token": "<header>.<claims>.<signature>",
    "refresh_token": "<header>.<other claims>.<signature>",
    "token_type": "Bearer",
    "expires_in": 900,
}
KEY: Final[Json] = {
    **_made(_id(16)),
    "name": "Reader of the shop",
    "prefix": "shopshopshopshop",
    "scopes": ["posts:read"],
    "contact_email": "",
    "expires_at": None,
    "last_used_at": None,
    "is_active": True,
    "owner": MIA_ID,
}
WEBHOOK: Final[Json] = {
    **_made(_WEBHOOK_ID),
    "url": "https://hooks.example.org/tandem",
    "events": ["post.updated", "post.published"],
    "is_active": True,
    "created_by": MIA_ID,
}
_OBJECT: Final[Json] = {"type": "post", "id": POST_ID}
DELIVERY: Final[Json] = {
    **_made(_id(17), PUBLISHED, CHANGED),
    "webhook": _WEBHOOK_ID,
    "event_id": _EVENT_ID,
    "event_type": "post.published",
    "object": _OBJECT,
    "payload": {
        "id": _EVENT_ID,
        "type": "post.published",
        "object": {"id": POST_ID, "type": "post", "version": 2, "status": "published"},
        "api_version": 2,
        "occurred_at": PUBLISHED,
    },
    "status": "dead",
    "attempts": 10,
    "next_attempt_at": CHANGED,
    "last_status": 503,
    "last_error": "The receiver answered 503.",
    "delivered_at": None,
}
AUDIT_EVENT: Final[Json] = {
    "id": _EVENT_ID,
    "created_at": PUBLISHED,
    "actor": MIA_ID,
    "action": "post.published",
    "object": _OBJECT,
    "before": {"status": "draft"},
    "after": {"status": "published", "version": 2},
    "ip": "192.0.2.7",
    "request_id": _id(18),
    "api_version": 2,
}
HIT: Final[Json] = {
    "post": POST,
    "score": 0.0407,
    "highlights": {
        "title": "A letter from the coast",
        "excerpt": "The <mark>ferry</mark> was late. The sea was not.",
        "snippet": "The <mark>ferry</mark> was late. The sea was not.",
    },
}
