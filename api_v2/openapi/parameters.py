"""Query and path parameters, and the headers of requests: what each means, with an example that a test sends."""

from typing import Any, Final

from api_v2.idempotency import KEY_LENGTH_MAX
from api_v2.json_schema import INSTANT, POSITIVE, TEXT, UUID, Schema, described, ref, text_of
from api_v2.openapi.response_examples.objects import MIA_ID, POST_ID
from api_v2.openapi.schemas import words_of
from api_v2.pagination import LIMIT_DEFAULT, LIMIT_MAX
from api_v2.query import ITEMS_MAX
from api_v2.views.search import SUGGESTIONS_DEFAULT
from api_v2.views.syndication import PARTS_MAX
from cms.search.queries import QUERY_MAX
from cms.search.suggestions import LIMIT_MAX as SUGGESTIONS_MAX
from cms.search.suggestions import PREFIX_MAX

_ID: Final = "[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"
_SEVERAL: Final = f"Up to {ITEMS_MAX} values between commas: any of them."
_AT_MOST: Final = "At most so many objects. A page of long texts has fewer; `page.next` leads on."
_WORDS: Final[Schema] = {"type": "string", "pattern": r"^[^,\u0000]+(?:,[^,\u0000]+)*$"}
_IDS: Final[Schema] = {"type": "string", "pattern": f"^{_ID}(?:,{_ID})*$"}
_ETAG: Final = '"1-6f82e2446a54d34f457c0f04"'
_SOUGHT: Final = 'Words, all of which must match; `"a phrase"`; `-without`.'


def _sought(maximum: int, description: str, pattern: str = r"\S") -> Schema:
    return text_of(1, maximum, pattern=pattern, description=description)


# By key: the schema, an example. A key is the name unless one name has several meanings.
QUERY: Final[dict[str, tuple[Schema, Any]]] = {
    "limit": (described({**POSITIVE, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT}, _AT_MOST), 5),
    "suggest_limit": ({**POSITIVE, "maximum": SUGGESTIONS_MAX, "default": SUGGESTIONS_DEFAULT}, 5),
    "cursor": (text_of(1, 4_000, description="From `page` of another page of this list."), None),
    "count": (described(ref("CountMode"), "Adds `page.total`."), "exact"),
    "include": (
        described(words_of("PostInclude"), "The related objects to add, separated by commas."),
        "author,tags",
    ),
    "status": (described(words_of("PostStatus"), f"{_SEVERAL} `published` by default."), "published"),
    "comment_status": (described(words_of("CommentStatus"), _SEVERAL), "pending,published"),
    "delivery_status": (described(words_of("DeliveryStatus"), _SEVERAL), "dead"),
    "kind": (described(words_of("PostKind"), f"{_SEVERAL} `post` by default."), "post,page"),
    "media_kind": (described(words_of("MediaKind"), _SEVERAL), "image"),
    "language": (described(_WORDS, f"BCP 47, in any case. {_SEVERAL}"), "en,de"),
    "author": (described(_WORDS, f"Ids or usernames. {_SEVERAL}"), "mia"),
    "tag": (described(_WORDS, f"Ids, slugs or names. {_SEVERAL}"), "travel,ferries"),
    "category": (described(_WORDS, f"Ids or slugs, with the categories below them. {_SEVERAL}"), "coasts"),
    "published_after": (INSTANT, "2026-01-31T00:00:00Z"),
    "published_before": (INSTANT, "2026-02-01T00:00:00Z"),
    "updated_after": (INSTANT, "2026-01-31T12:00:00+01:00"),
    "ids": (described(_IDS, _SEVERAL), POST_ID),
    "post": (described(_IDS, f"Ids of posts. {_SEVERAL}"), POST_ID),
    "q": (_sought(QUERY_MAX, _SOUGHT), "ferry"),
    "search_q": (_sought(QUERY_MAX, f"Required. {_SOUGHT}"), "ferry"),
    "suggest_q": (_sought(PREFIX_MAX, "Required. The beginning of the words."), "fer"),
    "media_q": (
        text_of(1, 1_000, description="A part of the name, the alternative text or the caption."),
        "ferry",
    ),
    "user_q": (text_of(1, 1_000, description="A part of a name or of the e-mail address."), "mia"),
    "post_sort": (described(words_of("PostSort"), "`-published_at` by default."), "-updated_at,title"),
    "search_sort": (
        described(
            words_of("SearchSort"), "`relevance` by default, which takes no other key. Other orders have no scores."
        ),
        "relevance",
    ),
    "role": (described(words_of("UserRole"), _SEVERAL), "author,editor"),
    "is_active": (described(words_of("BooleanText"), _SEVERAL), "true"),
    "owner": (described(_IDS, f"Ids of users. {_SEVERAL}"), MIA_ID),
    "actor": (described(_IDS, f"Ids of users. {_SEVERAL}"), MIA_ID),
    "action": (described(_WORDS, _SEVERAL), "post.published"),
    "object": (described(_IDS, f"Ids of objects. {_SEVERAL}"), POST_ID),
    "after": (INSTANT, "2026-01-31T12:00:00Z"),
    "before": (INSTANT, "2036-01-31T12:00:00Z"),
    "against": (described({**POSITIVE, "maximum": 999_999_999}, "By default the revision before."), 1),
    "path": (
        text_of(1, 4_000, pattern="^/", description="Required. An old address, with its query."),
        "/old/url",
    ),
    "part": ({**POSITIVE, "maximum": PARTS_MAX}, 1),
}
REQUIRED: Final = frozenset({"search_q", "suggest_q", "path"})
PATH: Final[dict[str, Schema]] = {
    "slug_or_id": described({**TEXT, "minLength": 1}, "The slug or the id."),
    "number": POSITIVE,
    "spec": ref("RenditionSpec"),
    "token": TEXT,
    **{f"{name}_id": UUID for name in ("comment", "media", "user", "session", "key", "webhook", "delivery")},
}
HEADERS: Final[dict[str, dict[str, Any]]] = {
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "schema": TEXT,
        "description": "ETags that the client has. If one is current, the response is 304.",
        "example": _ETAG,
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "schema": TEXT,
        "description": "The ETag of the version to change. Another version gets 412 with the current ETag.",
        "example": _ETAG,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": text_of(1, KEY_LENGTH_MAX),
        "description": "Any text that you choose. A repeat within 24 hours gets the first response again.",
        "example": "letter-from-the-coast-1",
    },
}
