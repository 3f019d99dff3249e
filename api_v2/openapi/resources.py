"""The schemas of responses. Each resource has the members of its shape, or importing this module fails."""

from typing import Final

from api_v2.openapi.schemas import (
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
    UUID,
    Schema,
    array_of,
    described,
    obj,
    of_shape,
    or_null,
    ref,
)
from api_v2.serializers.api_keys import API_KEY
from api_v2.serializers.comments import COMMENT
from api_v2.serializers.media import MEDIA
from api_v2.serializers.posts import POST
from api_v2.serializers.revisions import REVISION, SUMMARY
from api_v2.serializers.sessions import SESSION
from api_v2.serializers.terms import CATEGORY, TAG
from api_v2.serializers.users import PRIVATE, PUBLIC
from api_v2.serializers.webhooks import DELIVERY, WEBHOOK
from api_v2.views.audit import AUDIT_EVENT
from cms import limits

_ENTITY: Final = {"id": UUID, "created_at": STAMP, "updated_at": STAMP}
_UUID_OR_NULL: Final = or_null(UUID)
_STAMP_OR_NULL: Final = or_null(STAMP)
_TEXT_OR_NULL: Final = or_null(TEXT)
_TERM: Final = {**_ENTITY, "name": TEXT, "slug": TEXT, "description": TEXT, "post_count": NUMBER}
_REVISION: Final = {
    **_ENTITY,
    "post": UUID,
    "number": POSITIVE,
    "is_draft": described(BOOLEAN, "Nobody reads it in the post until it is applied."),
    "author": _UUID_OR_NULL,
    "reason": TEXT,
    "title": _TEXT_OR_NULL,
    "slug": _TEXT_OR_NULL,
    "links": ref("RevisionLinks"),
}
_PROFILE: Final = {**_ENTITY, "username": TEXT, "display_name": TEXT, "bio": TEXT}
_OBJECT: Final = ref("ObjectReference")
_FACETS: Final = array_of(ref("Facet"))

# By name: the members of the shape, and what each of them is.
SHAPED: Final[dict[str, Schema]] = {
    "Post": of_shape(
        POST,
        **_ENTITY,
        kind=ref("PostKind"),
        slug=TEXT,
        title=TEXT,
        content=TEXT,
        content_format=ref("ContentFormat"),
        content_html=HTML,
        excerpt=TEXT,
        language=described(TEXT, "BCP 47"),
        status=ref("PostStatus"),
        visibility=ref("PostVisibility"),
        author=UUID,
        co_authors=array_of(UUID),
        tags=array_of(UUID),
        categories=array_of(UUID),
        featured_image=_UUID_OR_NULL,
        meta=ref("PostMeta"),
        published_at=_STAMP_OR_NULL,
        expires_at=_STAMP_OR_NULL,
        reading_time_min=POSITIVE,
        version=POSITIVE,
        actions=array_of(ref("PostAction")),
        links=ref("PostLinks"),
    ),
    "RevisionSummary": of_shape(SUMMARY, **_REVISION),
    "Revision": of_shape(
        REVISION,
        **_REVISION,
        content=_TEXT_OR_NULL,
        content_format=_TEXT_OR_NULL,
        excerpt=_TEXT_OR_NULL,
        language=_TEXT_OR_NULL,
        featured_image=_UUID_OR_NULL,
        meta=ref("RevisionMeta"),
    ),
    "Comment": of_shape(
        COMMENT,
        **_ENTITY,
        post=UUID,
        author=_UUID_OR_NULL,
        author_name=TEXT,
        text=TEXT,
        status=ref("CommentStatus"),
        parent=_UUID_OR_NULL,
        depth=NUMBER,
        edited_at=_STAMP_OR_NULL,
    ),
    "Tag": of_shape(TAG, **_TERM),
    "Category": of_shape(CATEGORY, **_TERM, parent=_UUID_OR_NULL, is_active=BOOLEAN),
    "Media": of_shape(
        MEDIA,
        **_ENTITY,
        original_name=TEXT,
        mime_type=TEXT,
        size_bytes=NUMBER,
        sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        width=or_null(POSITIVE),
        height=or_null(POSITIVE),
        alt_text=TEXT,
        caption=TEXT,
        focal_point=described(
            {"anyOf": [ref("FocalPoint"), {"type": "null"}]}, "The part of an image that cropping keeps; null if unset."
        ),
        uploaded_by=_UUID_OR_NULL,
        links=ref("MediaLinks"),
    ),
    "User": of_shape(PUBLIC, **_PROFILE),
    "Account": of_shape(
        PRIVATE,
        **_PROFILE,
        email=TEXT,
        first_name=TEXT,
        last_name=TEXT,
        role=ref("UserRole"),
        is_active=BOOLEAN,
        email_verified=BOOLEAN,
        pending_email=described(_TEXT_OR_NULL, "The address that takes the place of `email` once it is verified."),
        last_login_at=_STAMP_OR_NULL,
    ),
    "Session": of_shape(SESSION, **_ENTITY, expires_at=STAMP, is_current=BOOLEAN),
    "ApiKey": of_shape(
        API_KEY,
        **_ENTITY,
        name=TEXT,
        prefix=TEXT,
        scopes=array_of(ref("ApiKeyScope")),
        contact_email=TEXT,
        expires_at=_STAMP_OR_NULL,
        last_used_at=_STAMP_OR_NULL,
        is_active=BOOLEAN,
        owner=UUID,
    ),
    "Webhook": of_shape(
        WEBHOOK,
        **_ENTITY,
        url=TEXT,
        events=array_of(ref("WebhookEvent")),
        is_active=BOOLEAN,
        created_by=_UUID_OR_NULL,
    ),
    "Delivery": of_shape(
        DELIVERY,
        **_ENTITY,
        webhook=UUID,
        event_id=UUID,
        event_type=TEXT,
        object=_OBJECT,
        payload=ref("WebhookPayload"),
        status=ref("DeliveryStatus"),
        attempts=NUMBER,
        next_attempt_at=STAMP,
        last_status=or_null({"type": "integer"}),
        last_error=TEXT,
        delivered_at=_STAMP_OR_NULL,
    ),
    "AuditEvent": of_shape(
        AUDIT_EVENT,
        id=UUID,
        created_at=STAMP,
        actor=_UUID_OR_NULL,
        action=TEXT,
        object=_OBJECT,
        before=ref("AuditValues"),
        after=ref("AuditValues"),
        ip=_TEXT_OR_NULL,
        request_id=TEXT,
        api_version=or_null({"type": "integer"}),
    ),
}
# The names that `fields` takes: what an answer has without it.
FIELDS: Final[dict[str, list[str]]] = {name: list(schema["required"]) for name, schema in SHAPED.items()}
SHAPED["Post"]["properties"] |= {
    "comment_count": described(NUMBER, "With `include=comment_count`."),
    "included": described(ref("Included"), "With `include`, of a single post."),
}


def partial(name: str) -> Schema:
    """Return the schema with the members that `fields` names."""
    return obj(SHAPED[name]["properties"], optional=SHAPED[name]["properties"])


def whole_or_part(name: str) -> Schema:
    return {"anyOf": [ref(name), ref(f"Partial{name}")]}


def page_of(items: Schema, **more: Schema) -> Schema:
    return obj({"data": array_of(items), "page": ref("Page"), **more}, optional=("included",))


def _list_of(name: str) -> Schema:
    return page_of(whole_or_part(name))


OTHERS: Final[dict[str, Schema]] = {
    "PostMeta": obj({"title": TEXT, "description": TEXT}),
    "PostLinks": obj({"self": PATH, "comments": PATH, "revisions": PATH}, optional=("revisions",)),
    "RevisionLinks": obj({"self": PATH, "post": PATH}),
    "RevisionMeta": obj({"title": _TEXT_OR_NULL, "description": _TEXT_OR_NULL}),
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
    "RevisionList": _list_of("RevisionSummary"),
    "CommentList": _list_of("Comment"),
    "TagList": _list_of("Tag"),
    "CategoryList": _list_of("Category"),
    "CategoryNode": obj(
        {**SHAPED["Category"]["properties"], "children": array_of(ref("CategoryNode"))},
    ),
    "CategoryTree": obj({"data": array_of(ref("CategoryNode")), "page": ref("Page")}),
    "MediaList": _list_of("Media"),
    "AccountList": _list_of("Account"),
    "SessionList": _list_of("Session"),
    "ApiKeyList": _list_of("ApiKey"),
    "WebhookList": _list_of("Webhook"),
    "DeliveryList": _list_of("Delivery"),
    "AuditEventList": _list_of("AuditEvent"),
    "IssuedApiKey": obj({**SHAPED["ApiKey"]["properties"], "secret": described(TEXT, "Shown this once.")}),
    "CreatedWebhook": obj(
        {
            **SHAPED["Webhook"]["properties"],
            "secret": described(_TEXT_OR_NULL, "Shown this once; null when the request is repeated."),
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
        {"field": TEXT, "before": ANYTHING, "after": ANYTHING, "diff": described(_TEXT_OR_NULL, "A unified diff.")}
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
