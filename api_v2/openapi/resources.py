"""The schemas of responses: those of shapes, and of the objects within and around them."""

from typing import Final

from api_v2.json_schema import (
    ANYTHING,
    BOOLEAN,
    FROM_LEFT,
    FROM_TOP,
    HTML,
    INSTANT,
    NUMBER,
    PATH,
    POSITIVE,
    STAMP,
    TEXT,
    TEXT_OR_NULL,
    UUID,
    Schema,
    array_of,
    described,
    obj,
    or_null,
    ref,
)
from api_v2.serializers.api_keys import API_KEY
from api_v2.serializers.comments import COMMENT
from api_v2.serializers.media import MEDIA
from api_v2.serializers.posts import COMMENT_COUNT, POST
from api_v2.serializers.revisions import REVISION, SUMMARY
from api_v2.serializers.sessions import SESSION
from api_v2.serializers.shapes import Shape
from api_v2.serializers.terms import CATEGORY, TAG
from api_v2.serializers.users import PRIVATE, PUBLIC
from api_v2.serializers.webhooks import DELIVERY, WEBHOOK
from api_v2.views.audit import AUDIT_EVENT
from cms import limits

_FACETS: Final = array_of(ref("Facet"))
_SHAPES: Final[dict[str, Shape]] = {
    "Post": POST,
    "RevisionSummary": SUMMARY,
    "Revision": REVISION,
    "Comment": COMMENT,
    "Tag": TAG,
    "Category": CATEGORY,
    "Media": MEDIA,
    "User": PUBLIC,
    "Account": PRIVATE,
    "Session": SESSION,
    "ApiKey": API_KEY,
    "Webhook": WEBHOOK,
    "Delivery": DELIVERY,
    "AuditEvent": AUDIT_EVENT,
}
# The names that `fields` takes: what an answer has without it.
FIELDS: Final[dict[str, list[str]]] = {name: list(shape) for name, shape in _SHAPES.items()}
SHAPED: Final[dict[str, Schema]] = {
    name: obj({member: field.schema for member, field in shape.items()}) for name, shape in _SHAPES.items()
}
SHAPED["Post"]["properties"] |= {
    "comment_count": COMMENT_COUNT.schema,
    "included": described(ref("Included"), "With `include`, of a single post."),
}


def partial(name: str) -> Schema:
    """Return the schema with the members that `fields` names."""
    return obj(SHAPED[name]["properties"], optional=SHAPED[name]["properties"])


def whole_or_part(name: str) -> Schema:
    return {"anyOf": [ref(name), ref(f"Partial{name}")]}


def page_of(items: Schema, **more: Schema) -> Schema:
    return obj({"data": array_of(items), "page": ref("Page"), **more}, optional=("included",))


_LISTED: Final = (
    *("Comment", "Tag", "Category", "Media"),
    *("Account", "Session", "ApiKey", "Webhook", "Delivery", "AuditEvent"),
)
OTHERS: Final[dict[str, Schema]] = {
    "PostMeta": obj({"title": TEXT, "description": TEXT}),
    "PostLinks": obj({"self": PATH, "comments": PATH, "revisions": PATH}, optional=("revisions",)),
    "RevisionLinks": obj({"self": PATH, "post": PATH}),
    "RevisionMeta": obj({"title": TEXT_OR_NULL, "description": TEXT_OR_NULL}),
    "AuditValues": {"type": "object", "description": "The changed values, by the names of the object's members."},
    "WebhookPayload": obj(
        {
            "id": UUID,
            "type": TEXT,
            "object": ref("VersionedReference"),
            "occurred_at": INSTANT,
            "api_version": or_null({"type": "integer"}),
        }
    ),
    "VersionedReference": obj(
        {
            "type": TEXT,
            "id": UUID,
            "version": or_null({"type": "integer"}),
            "status": described(ref("PostStatus"), "The status of a post after the change."),
        },
        optional=("status",),
    ),
    "FocalPoint": obj({"x": FROM_LEFT, "y": FROM_TOP}),
    "MediaLinks": obj({"self": PATH, "content": PATH, "renditions": ref("RenditionLinks")}),
    "RenditionLinks": obj(dict.fromkeys(limits.RENDITIONS, PATH), optional=limits.RENDITIONS),
    "ObjectReference": obj({"type": TEXT, "id": UUID}),
    "Included": obj(
        {
            "authors": array_of(ref("User")),
            "tags": array_of(ref("Tag")),
            "categories": array_of(ref("Category")),
            "featured_images": described(array_of(ref("Media")), "Those that the reader may see."),
        },
        optional=("authors", "tags", "categories", "featured_images"),
    ),
    "Page": obj(
        {
            "next": described(or_null(PATH), "The path with query of the next page."),
            "previous": or_null(PATH),
            "has_more": BOOLEAN,
            "limit": or_null(POSITIVE),
            "total": described(NUMBER, "With `count=exact`."),
        },
        optional=("total",),
    ),
    "PostList": page_of(whole_or_part("Post"), included=ref("Included")),
    "RevisionList": page_of(whole_or_part("RevisionSummary")),
    **{f"{name}List": page_of(whole_or_part(name)) for name in _LISTED},
    "CategoryNode": obj({**SHAPED["Category"]["properties"], "children": array_of(ref("CategoryNode"))}),
    "CategoryTree": obj({"data": array_of(ref("CategoryNode")), "page": ref("Page")}),
    "IssuedApiKey": obj({**SHAPED["ApiKey"]["properties"], "secret": described(TEXT, "Shown this once.")}),
    "CreatedWebhook": obj(
        {
            **SHAPED["Webhook"]["properties"],
            "secret": described(TEXT_OR_NULL, "Shown this once; null when the request is repeated."),
        }
    ),
    "Tokens": obj(
        {
            "access_token": TEXT,
            "refresh_token": TEXT,
            "token_type": ref("TokenType"),
            "expires_in": described(POSITIVE, "Seconds for which the access token is good."),
        }
    ),
    "Preview": obj(
        {
            "url": {"type": "string", "format": "uri"},
            "front_end_url": described(or_null({"type": "string", "format": "uri"}), "By the site's `PREVIEW_URL`."),
            "token": TEXT,
            "expires_at": STAMP,
        }
    ),
    "RevisionDiff": obj({"post": UUID, "from": POSITIVE, "to": POSITIVE, "changes": array_of(ref("FieldChange"))}),
    "FieldChange": obj(
        {"field": TEXT, "before": ANYTHING, "after": ANYTHING, "diff": described(TEXT_OR_NULL, "A unified diff.")}
    ),
    "SearchHit": obj(
        {
            "post": whole_or_part("Post"),
            "score": {"type": ["number", "null"], "description": "Null unless sorted by relevance."},
            "highlights": ref("Highlights"),
        }
    ),
    "Highlights": obj({"title": HTML, "excerpt": HTML, "snippet": HTML}),
    "Facet": obj({"slug": TEXT, "count": POSITIVE}),
    "Facets": obj({"tags": _FACETS, "categories": _FACETS}),
    "SearchResults": page_of(
        ref("SearchHit"),
        included=ref("Included"),
        facets=ref("Facets"),
        truncated=described(BOOLEAN, "Whether there were so many matches that only the newest 10,000 were ranked."),
    ),
    "Suggestions": page_of(TEXT),
    "OpenApiDocument": {"type": "object", "required": ["openapi", "info", "paths", "components"]},
    "Problem": obj(
        {
            "type": ref("ProblemType"),
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "instance": PATH,
            "request_id": TEXT,
            "errors": array_of(ref("ProblemItem")),
        }
    ),
    "ProblemItem": obj(
        {
            "pointer": described(TEXT, "A JSON pointer (RFC 6901) into the body."),
            "parameter": described(TEXT, "The name of a query parameter."),
            "code": TEXT,
            "message": TEXT,
        },
        optional=("pointer", "parameter"),
    ),
}
_WHOLE: Final = ("User",)  # its members are among those of Account, by which `fields` goes
RESOURCES: Final[dict[str, Schema]] = {
    **SHAPED,
    **{f"Partial{name}": partial(name) for name in SHAPED if name not in _WHOLE},
    **{f"{name}Field": {"type": "string", "enum": FIELDS[name]} for name in SHAPED if name not in _WHOLE},
    **OTHERS,
}
