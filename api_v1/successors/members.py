"""The members of resources and of requests: what each is called in v2, and what becomes of its value."""

from typing import Final

from api_v1.successors.shape import Member

RULES: Final[dict[str, str]] = {
    "same": "the same value",
    "lower_case": "the same word in lower case: `Admin` is `admin`",
    "empty_for_null": "an empty text where v1 has null",
    "state": "the same word; what v2 calls `scheduled` is `published` in v1",
    "tag_names": "ids for v1's names; the names are in `included.tags` with `include=tags`",
    "category_names": "ids for v1's names; the names are in `included.categories` with `include=categories`",
    "items": "the items, each by its own shape",
    "list_of_one": "an array with this one text, a slug or an id",
    "action": "no member but an action of its own",
    "counted": "only with `count=exact`",
    "from_page": "told by `page.has_more` and the links instead",
    "dropped": "not in v2",
    "number": "a whole number; v2 answers 400 for anything else, where v1 took its default, or its maximum for more",
    "choice": "one of the words listed; v2 answers 400 for others, which filtered nothing in v1",
    "word": "the same, in lower case; v1 took any case",
    "slug": "a slug or an id; v1 took a tag's name too, and no ids",
    "sign": "`asc` takes away the minus before the sort key",
}


type _Row = tuple[str, str | None, str] | tuple[str, str | None, str, str]
"""In v1, in v2, the rule, and a note."""


def _members(*rows: _Row) -> tuple[Member, ...]:
    return tuple({"v1": row[0], "v2": row[1], "rule": row[2], "note": row[3] if len(row) > 3 else ""} for row in rows)


def _same(*names: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, name, "same") for name in names)


_TERM: Final = _same("id", "name", "slug", "description", "post_count")

SHAPES: Final[dict[str, tuple[Member, ...]]] = {
    "post": _members(
        *_same("id", "title", "content", "excerpt"),
        ("status", "status", "state"),
        ("author_id", "author", "same"),
        ("tags", "tags", "tag_names"),
        ("metadata.meta_title", "meta.title", "empty_for_null"),
        ("metadata.meta_description", "meta.description", "empty_for_null"),
        ("metadata.categories", "categories", "category_names"),
        *_same("created_at", "updated_at", "published_at"),
    ),
    "comment": _members(
        *_same("id"),
        ("post_id", "post", "same"),
        ("author_id", "author", "same"),
        ("content", "text", "same"),
        *_same("created_at"),
    ),
    "tag": _members(*_TERM),
    "category": _members(*_TERM, *_same("parent", "is_active")),
    "user": _members(
        *_same("id", "username", "email", "first_name", "last_name"),
        ("role", "role", "lower_case"),
        *_same("is_active", "email_verified"),
        ("last_login", "last_login_at", "same"),
        *_same("created_at", "updated_at"),
    ),
    "api_key": _members(
        *_same("id", "name", "prefix"),
        ("permissions", "scopes", "same"),
        *_same("is_active", "last_used_at", "expires_at", "created_at", "updated_at"),
    ),
    "page": _members(
        ("items", "data", "items"),
        ("total", "page.total", "counted"),
        ("page", None, "from_page"),
        ("limit", "page.limit", "same"),
        ("total_pages", None, "from_page"),
    ),
    "search": _members(
        ("hits", "data", "items", "each is `{post, score, highlights}`"),
        ("total", "page.total", "counted"),
        ("took_ms", None, "dropped"),
        ("facets", "facets", "same"),
    ),
    "suggestions": _members(("suggestions", "data", "same")),
    "tokens": _members(
        *_same("access_token", "refresh_token", "expires_in"),
        ("session_id", None, "dropped", "the login that is `is_current` in `GET /me/sessions`"),
    ),
}
V2_ONLY: Final[dict[str, tuple[str, ...]]] = {
    "post": (
        *("kind", "slug", "content_format", "content_html", "language", "visibility", "co_authors", "featured_image"),
        *("expires_at", "reading_time_min", "version", "actions", "links", "comment_count"),
    ),
    "comment": ("updated_at", "author_name", "status", "parent", "depth", "edited_at"),
    "tag": ("created_at", "updated_at"),
    "category": ("created_at", "updated_at"),
    "user": ("display_name", "bio", "pending_email"),
    "api_key": ("contact_email", "owner"),
    "page": ("page.next", "page.previous", "page.has_more"),
    "search": ("page.next", "page.previous", "page.has_more", "page.limit", "truncated"),
    "suggestions": ("page.next", "page.previous", "page.has_more", "page.limit"),
    "tokens": ("token_type",),
}
_POST: Final[tuple[_Row, ...]] = (
    *_same("title", "content", "excerpt", "slug"),
    ("published", None, "action", "`actions/publish` for true, `actions/unpublish` for false"),
    ("tags", "tags", "same", "names as before; slugs and ids are taken too"),
    ("category", "categories", "list_of_one", "v1 also took a name; the array is all categories of the post"),
    ("featured_image", "featured_image", "same"),
    ("meta_title", "meta.title", "same"),
    ("meta_description", "meta.description", "same"),
)
BODIES: Final[dict[str, tuple[Member, ...]]] = {
    "PostInput": _members(*_POST),
    "PostChanges": _members(*_POST),
    "RegisterInput": _members(*_same("username", "email", "password", "first_name", "last_name")),
    "LoginInput": _members(
        *_same("email", "password"),
        ("remember_me", None, "dropped", "a v2 login is remembered for 14 days; sign out to end it sooner"),
    ),
    "RefreshInput": _members(*_same("refresh_token")),
    "UserChanges": _members(
        *_same("username"),
        ("email", "email", "same", "one's own takes `current_password` too, and counts once it is verified"),
        *_same("first_name", "last_name"),
        ("role", None, "action", "`actions/set-role`, in lower case"),
        ("is_active", None, "action", "`actions/activate` for true, `actions/suspend` for false"),
    ),
    "ApiKeyInput": _members(("name", "name", "same"), ("permissions", "scopes", "same")),
}
