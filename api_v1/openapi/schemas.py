"""The JSON schemas of v1's requests and answers (dialect 2020-12, as OpenAPI 3.1 has it). Answers are said to the last key."""

from typing import Any, Final

from cms import limits
from cms.choices import Scope

type Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
POSITIVE: Final[Schema] = {"type": "integer", "minimum": 1}
BOOLEAN: Final[Schema] = {"type": "boolean"}
NULL: Final[Schema] = {"type": "null"}
UUID: Final[Schema] = {"type": "string", "format": "uuid"}
UUID_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "uuid"}
_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
TIMESTAMP: Final[Schema] = {"type": "string", "format": "date-time", "pattern": _INSTANT}
TIMESTAMP_OR_NULL: Final[Schema] = {**TIMESTAMP, "type": ["string", "null"]}
ROLE: Final[Schema] = {"enum": ["Admin", "Editor", "Author", "Subscriber"]}
MESSAGE_TEXT: Final[Schema] = {"type": "string", "minLength": 1}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def shape(**properties: Schema) -> Schema:
    """An object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def request(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object of which the rest is optional, where null counts as absent; whatever else it holds is ignored."""
    fields = {name: field if name in required else _or_null(field) for name, field in properties.items()}
    return {"type": "object", "properties": fields, **({"required": list(required)} if required else {})}


def page_of(name: str) -> Schema:
    return shape(items=array_of(ref(name)), total=NUMBER, page=POSITIVE, limit=POSITIVE, total_pages=POSITIVE)


def envelope(data: Schema) -> Schema:
    return shape(success={"const": True}, data=data, message=NULL, error=NULL)


def failure_with(**more: Schema) -> Schema:
    return shape(**{"success": {"const": False}, "data": NULL, "message": TEXT_OR_NULL, "error": MESSAGE_TEXT, **more})


def _or_null(field: Schema) -> Schema:
    return {**field, "type": [field["type"], "null"]}


def _text(minimum: int, maximum: int) -> Schema:
    return {"type": "string", "minLength": minimum, "maxLength": maximum}


_POST_FIELDS: Final[dict[str, Schema]] = {
    "title": _text(*limits.TITLE),
    "content": _text(*limits.CONTENT),
    "excerpt": _text(0, limits.EXCERPT_MAX),
    "slug": _text(*limits.SLUG),
    "published": BOOLEAN,
    "tags": {"type": "array", "items": _text(*limits.TAG_NAME), "maxItems": limits.TAGS_PER_POST_MAX},
    "category": {"type": "string", "description": "A name or a slug; a slug goes before a name."},
    "featured_image": {**UUID, "description": "The id of a media file."},
    "meta_title": _text(0, limits.META_TITLE_MAX),
    "meta_description": _text(0, limits.META_DESCRIPTION_MAX),
}
_ACCOUNT_FIELDS: Final[dict[str, Schema]] = {
    "username": _text(*limits.USERNAME),
    "email": _text(3, limits.EMAIL_MAX),
    "first_name": _text(0, limits.PERSON_NAME_MAX),
    "last_name": _text(0, limits.PERSON_NAME_MAX),
}
_HEALTH: Final = shape(
    status={"enum": ["healthy", "degraded", "unhealthy"]},
    timestamp=TIMESTAMP,
    services=shape(**{name: {"enum": ["up", "down", "unchecked"]} for name in ("database", "cache", "search")}),
)
_FACET: Final = array_of(shape(slug=TEXT, count=POSITIVE))
_INDEX_STATE: Final[Schema] = {"enum": ["ready", "queued", "running", "failed"]}
_TOKENS: Final = shape(access_token=TEXT, refresh_token=TEXT, expires_in=POSITIVE, session_id=UUID)

SCHEMAS: Final[dict[str, Schema]] = {
    # what is asked
    "PostInput": request(("title", "content"), **_POST_FIELDS),
    "PostChanges": request(**_POST_FIELDS),
    "UserChanges": request(
        **_ACCOUNT_FIELDS,
        role={"type": "string", "description": "One of the roles, for admins alone."},
        is_active={"type": "boolean", "description": "For admins alone."},
    ),
    "RegisterInput": request(("username", "email", "password"), **_ACCOUNT_FIELDS, password=_text(*limits.PASSWORD)),
    "LoginInput": request(("email", "password"), email=TEXT, password=TEXT, remember_me=BOOLEAN),
    "RefreshInput": request(("refresh_token",), refresh_token=TEXT),
    "ApiKeyInput": request(
        ("name", "permissions"),
        name=_text(*limits.KEY_NAME),
        permissions={"type": "array", "minItems": 1, "items": {"enum": Scope.values}},
    ),
    # what is answered
    "Post": shape(
        id=UUID,
        title=TEXT,
        content=TEXT,
        excerpt=TEXT,
        status={"enum": ["draft", "published", "archived"]},
        author_id=UUID,
        tags=array_of(TEXT),
        metadata=shape(meta_title=TEXT_OR_NULL, meta_description=TEXT_OR_NULL, categories=array_of(TEXT)),
        created_at=TIMESTAMP,
        updated_at=TIMESTAMP,
        published_at=TIMESTAMP_OR_NULL,
    ),
    "Comment": shape(id=UUID, post_id=UUID, author_id=UUID_OR_NULL, content=TEXT, created_at=TIMESTAMP),
    "User": shape(
        id=UUID,
        username=TEXT,
        email=TEXT,
        first_name=TEXT,
        last_name=TEXT,
        role=ROLE,
        is_active=BOOLEAN,
        email_verified=BOOLEAN,
        last_login=TIMESTAMP_OR_NULL,
        created_at=TIMESTAMP,
        updated_at=TIMESTAMP,
    ),
    "Tag": shape(id=UUID, name=TEXT, slug=TEXT, description=TEXT, post_count=NUMBER),
    "Category": shape(
        id=UUID, name=TEXT, slug=TEXT, description=TEXT, post_count=NUMBER, parent=UUID_OR_NULL, is_active=BOOLEAN
    ),
    "ApiKey": shape(
        id=UUID,
        name=TEXT,
        prefix=TEXT,
        permissions=array_of({"enum": Scope.values}),
        is_active=BOOLEAN,
        last_used_at=TIMESTAMP_OR_NULL,
        expires_at=TIMESTAMP_OR_NULL,
        created_at=TIMESTAMP,
        updated_at=TIMESTAMP,
    ),
    "IssuedApiKey": shape(api_key=ref("ApiKey"), raw_key={**TEXT, "description": "Shown this once."}),
    "Session": shape(success={"const": True}, tokens=_TOKENS, user=ref("User")),
    "SearchResults": shape(
        hits=array_of(ref("Post")), total=NUMBER, took_ms=NUMBER, facets=shape(tags=_FACET, categories=_FACET)
    ),
    "Suggestions": shape(suggestions=array_of(TEXT)),
    "SearchStats": shape(total_documents=NUMBER, index_state=_INDEX_STATE),
    "Reindexing": shape(message=MESSAGE_TEXT, job_id=UUID, index_state=_INDEX_STATE),
    "Message": shape(message=MESSAGE_TEXT),
    "Health": _HEALTH,
    "Info": shape(api_version={"const": "v1"}, endpoints=array_of(TEXT), documentation=TEXT, status=TEXT),
    "CsrfToken": shape(success={"const": True}, csrf_token=TEXT, expires_in=POSITIVE),
    "OpenApiDocument": {"type": "object", "required": ["openapi", "info", "paths", "components"]},
    **{f"PageOf{name}": page_of(name) for name in ("Post", "Comment", "User", "Tag", "Category", "ApiKey")},
    # what is refused
    "Failure": failure_with(),
    "ValidationFailure": failure_with(validation_errors=array_of(shape(field=TEXT, message=MESSAGE_TEXT))),
    "Unhealthy": failure_with(data=ref("Health")),
}
