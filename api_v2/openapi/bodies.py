"""The schemas of requests, each with an example that a test sends. Their members are those that the readers take."""

from typing import Any, Final

from api_v2.json_schema import (
    BOOLEAN,
    FROM_LEFT,
    FROM_TOP,
    INSTANT,
    TEXT,
    UUID,
    Schema,
    array_of,
    described,
    or_null,
    ref,
    text,
)
from api_v2.openapi.schemas import body_of, changes_of
from api_v2.serializers import api_keys, post_bodies, term_bodies, users, webhooks
from api_v2.serializers.bodies import ITEMS_MAX
from api_v2.serializers.comments import NEW_MEMBERS as NEW_COMMENT
from api_v2.serializers.media import FOCAL_POINT
from api_v2.serializers.media import MEMBERS as MEDIA_MEMBERS
from api_v2.uploads import PARTS
from cms import limits

_NAME: Final = text(0, limits.PERSON_NAME_MAX)
_EMAIL: Final = text(3, limits.EMAIL_MAX, format="email")
_PASSWORD: Final = text(*limits.PASSWORD, format="password")
_CURRENT_PASSWORD: Final[Schema] = {"type": "string", "format": "password"}
_USERNAME: Final = text(*limits.USERNAME, pattern="^[A-Za-z0-9_]+$")
_ID_OR_SLUG: Final = described(TEXT, "An id or a slug.")
_LANGUAGE: Final = text(2, limits.LANGUAGE_MAX, pattern="^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$", description="BCP 47")
_MEDIA: Final = {
    "alt_text": text(0, limits.ALT_TEXT_MAX),
    "caption": text(0, limits.DESCRIPTION_MAX),
}

_NEW_POST: Final = body_of(
    post_bodies.MEMBERS,
    post_bodies.REQUIRED,
    title=text(*limits.TITLE),
    content=text(*limits.CONTENT),
    slug=text(*limits.SLUG),
    content_format=ref("ContentFormat"),
    visibility=ref("PostVisibility"),
    kind=ref("PostKind"),
    excerpt=or_null(text(0, limits.EXCERPT_MAX)),
    language={**_LANGUAGE, "type": ["string", "null"]},
    meta={"anyOf": [ref("NewPostMeta"), {"type": "null"}]},
    expires_at=or_null(INSTANT),
    featured_image=or_null(described(UUID, "The id of an image.")),
    tags={
        **array_of(described(TEXT, "An id, a slug or a name; a name that isn't taken makes a tag.")),
        "type": ["array", "null"],
        "maxItems": limits.TAGS_PER_POST_MAX,
    },
    categories={**array_of(_ID_OR_SLUG), "type": ["array", "null"], "maxItems": limits.CATEGORIES_PER_POST_MAX},
    co_authors={**array_of(UUID), "type": ["array", "null"], "maxItems": ITEMS_MAX},
)
_NEW_TAG: Final = body_of(
    term_bodies.TAG_MEMBERS,
    ("name",),
    name=text(*limits.TAG_NAME, pattern="^[^,]+$"),
    slug=text(*limits.SLUG),
    description=or_null(text(0, limits.DESCRIPTION_MAX)),
)
_NEW_CATEGORY: Final = body_of(
    term_bodies.CATEGORY_MEMBERS,
    ("name",),
    name=text(*limits.CATEGORY_NAME),
    slug=text(*limits.SLUG),
    description=or_null(text(0, limits.DESCRIPTION_MAX)),
    parent=or_null(_ID_OR_SLUG),
    is_active=BOOLEAN,
)
_NEW_KEY: Final = body_of(
    api_keys.MEMBERS,
    ("name", "scopes"),
    name=text(*limits.KEY_NAME),
    scopes=array_of(ref("ApiKeyScope"), minItems=1, maxItems=ITEMS_MAX),
    contact_email=or_null(_EMAIL),
    expires_at=or_null(INSTANT),
)
_NEW_WEBHOOK: Final = body_of(
    webhooks.MEMBERS,
    ("url", "events"),
    url=text(1, limits.URL_MAX, format="uri"),
    events=array_of(ref("WebhookEvent"), minItems=1, maxItems=ITEMS_MAX),
    is_active=BOOLEAN,
)

BODIES: Final[dict[str, Schema]] = {
    "NewPost": _NEW_POST,
    "NewPostMeta": body_of(
        post_bodies.META,
        title=or_null(text(0, limits.META_TITLE_MAX)),
        description=or_null(text(0, limits.META_DESCRIPTION_MAX)),
    ),
    "PostChanges": changes_of(_NEW_POST),
    "Publication": body_of(
        post_bodies.INSTANTS,
        published_at=or_null(described(INSTANT, "Null is now; an instant to come schedules the post.")),
        expires_at=or_null(INSTANT),
    ),
    "NewComment": body_of(
        NEW_COMMENT,
        ("text",),
        text=text(*limits.COMMENT_TEXT),
        parent=or_null(described(UUID, "A comment.")),
        author_name=text(1, limits.GUEST_NAME_MAX, description="For people without an account, who need it."),
        author_email=described(_EMAIL, "For people without an account, if they like. No answer shows it."),
    ),
    "CommentChanges": body_of(("text",), text=text(*limits.COMMENT_TEXT)),
    "NewTag": _NEW_TAG,
    "TagChanges": changes_of(_NEW_TAG),
    "NewCategory": _NEW_CATEGORY,
    "CategoryChanges": changes_of(_NEW_CATEGORY),
    "Upload": body_of(PARTS, ("file",), file={"type": "string", "format": "binary"}, **_MEDIA),
    "MediaChanges": body_of(
        MEDIA_MEMBERS,
        **{name: or_null(schema) for name, schema in _MEDIA.items()},
        focal_point={"anyOf": [ref("NewFocalPoint"), {"type": "null"}]},
    ),
    "NewFocalPoint": body_of(FOCAL_POINT, FOCAL_POINT, x=FROM_LEFT, y=FROM_TOP),
    "Registration": body_of(
        (*users.REQUIRED, *users.OPTIONAL),
        users.REQUIRED,
        username=_USERNAME,
        email=_EMAIL,
        password=_PASSWORD,
        first_name=_NAME,
        last_name=_NAME,
    ),
    "UserChanges": body_of(
        (*users.CHANGEABLE, users.CURRENT_PASSWORD),
        username=_USERNAME,
        email=described(_EMAIL, "One's own takes the `current_password`, and waits until it is verified."),
        first_name=or_null(_NAME),
        last_name=or_null(_NAME),
        display_name=or_null(text(0, limits.DISPLAY_NAME_MAX)),
        bio=or_null(text(0, limits.BIO_MAX)),
        current_password=described(_CURRENT_PASSWORD, "For another `email` of one's own."),
    ),
    "CurrentPassword": body_of(
        (users.CURRENT_PASSWORD,), current_password=described(_CURRENT_PASSWORD, "For deleting one's own account.")
    ),
    "RoleChange": body_of(("role",), ("role",), role=ref("UserRole")),
    "PasswordChange": body_of(
        ("current_password", "new_password"),
        ("current_password", "new_password"),
        current_password=_CURRENT_PASSWORD,
        new_password=_PASSWORD,
    ),
    "Credentials": body_of(
        ("email", "password", "code"),
        ("email", "password"),
        email=described(TEXT, "An e-mail address or a username."),
        password={"type": "string", "format": "password"},
        code=described(TEXT, "The code that the authenticator app shows, or a recovery code."),
    ),
    "RefreshToken": body_of(("refresh_token",), ("refresh_token",), refresh_token=TEXT),
    "EmailAddress": body_of(("email",), ("email",), email=TEXT),
    "PasswordReset": body_of(("token", "password"), ("token", "password"), token=TEXT, password=_PASSWORD),
    "EmailVerification": {
        **body_of(
            ("token", "email"),
            token=described(TEXT, "The token of the mail."),
            email=described(TEXT, "The address, for another mail."),
        ),
        "minProperties": 1,
        "maxProperties": 1,
    },
    "NewApiKey": _NEW_KEY,
    "ApiKeyChanges": changes_of(_NEW_KEY),
    "NewWebhook": _NEW_WEBHOOK,
    "WebhookChanges": changes_of(_NEW_WEBHOOK),
    "Nothing": {"type": "object", "additionalProperties": False, "maxProperties": 0},
}
EXAMPLES: Final[dict[str, Any]] = {
    "NewPost": {
        "title": "A letter from the coast",
        "content": "The *ferry* was late.",
        "tags": ["travel", "ferries"],
        "meta": {"description": "A week by the sea"},
    },
    "PostChanges": {"title": "A letter from the coast, continued", "tags": None},
    "Publication": {"published_at": "2026-01-31T12:00:00Z"},
    "NewComment": {"text": "I was on that ferry."},
    "CommentChanges": {"text": "I was on that ferry too."},
    "NewTag": {"name": "Ferries", "description": "Boats that come back"},
    "TagChanges": {"description": None},
    "NewCategory": {"name": "Travel", "slug": "travel"},
    "CategoryChanges": {"name": "Journeys", "parent": None},
    "Upload": {
        "file": "<the bytes of quay.jpg>",
        "alt_text": "A ferry at the quay",
        "caption": "The last one of the day",
    },
    "MediaChanges": {"alt_text": "A ferry at the quay", "caption": None, "focal_point": {"x": 0.25, "y": 0.4}},
    "Registration": {"username": "mia", "email": "mia@example.org", "password": "three quiet harbours"},
    "UserChanges": {"display_name": "Mia", "bio": None},
    "CurrentPassword": {"current_password": "three quiet harbours"},
    "RoleChange": {"role": "author"},
    "PasswordChange": {"current_password": "three quiet harbours", "new_password": "four quiet harbours"},
    "Credentials": {"email": "mia@example.org", "password": "three quiet harbours"},
    "RefreshToken": {"refresh_token": "the one of the last answer"},
    "EmailAddress": {"email": "mia@example.org"},
    "PasswordReset": {"token": "the one of the mail", "password": "five quiet harbours"},
    "EmailVerification": {"email": "mia@example.org"},
    "NewApiKey": {"name": "Reader of the shop", "scopes": ["posts:read"]},
    "ApiKeyChanges": {"name": "Reader of the new shop", "expires_at": None},
    "NewWebhook": {"url": "https://hooks.example.org/tandem", "events": ["post.published", "post.updated"]},
    "WebhookChanges": {"is_active": False},
    "Nothing": {},
}
