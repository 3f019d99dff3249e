"""The schemas of requests, each with an example that a test sends. Their members are those that the readers take."""

from collections.abc import Collection
from typing import Any, Final

from api_v2.json_schema import TEXT, Schema, ref
from api_v2.serializers import api_keys, comments, media, post_bodies, terms, users, webhooks
from api_v2.serializers.bodies import Member, Members
from api_v2.uploads import FILE
from api_v2.views import account_mails, auth


def _body_of(members: Members, required: Collection[str] = ()) -> Schema:
    """Return the object that a reader of bodies takes, which refuses every other member."""
    properties = {name: member.schema for name, member in members.items()}
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _changes_of(members: Members) -> Schema:
    """Return the merge patch of the members of a new object."""
    return {**_body_of(members), "minProperties": 0}


def _texts_of(**schemas: Schema) -> Schema:
    """Return what `read_texts` takes."""
    return _body_of({name: Member(schema) for name, schema in schemas.items()}, schemas)


_UPLOAD: Final = {FILE: {"type": "string", "format": "binary"}, **media.TEXTS}
BODIES: Final[dict[str, Schema]] = {
    "NewPost": _body_of(post_bodies.MEMBERS, post_bodies.REQUIRED),
    "NewPostMeta": _body_of(post_bodies.META),
    "PostChanges": _changes_of(post_bodies.MEMBERS),
    "Publication": _body_of(post_bodies.PUBLICATION),
    "NewComment": _body_of(comments.NEW_MEMBERS, comments.REQUIRED),
    "CommentChanges": _body_of(comments.CHANGES),
    "NewTag": _body_of(terms.TAG_MEMBERS, terms.REQUIRED),
    "TagChanges": _changes_of(terms.TAG_MEMBERS),
    "NewCategory": _body_of(terms.CATEGORY_MEMBERS, terms.REQUIRED),
    "CategoryChanges": _changes_of(terms.CATEGORY_MEMBERS),
    "Upload": _body_of({name: Member(schema) for name, schema in _UPLOAD.items()}, (FILE,)),
    "MediaChanges": _body_of(media.MEMBERS),
    "NewFocalPoint": _body_of(media.FOCAL_POINT, media.FOCAL_POINT),
    "Registration": _body_of(users.REGISTRATION, users.REQUIRED),
    "UserChanges": _body_of(users.CHANGES),
    "CurrentPassword": _body_of(users.DELETION),
    "RoleChange": _texts_of(role=ref("UserRole")),
    "PasswordChange": _texts_of(current_password=users.CURRENT_PASSWORD, new_password=users.PASSWORD),
    "Credentials": _body_of(auth.CREDENTIALS, auth.REQUIRED),
    "RefreshToken": _texts_of(refresh_token=TEXT),
    "EmailAddress": _texts_of(email=TEXT),
    "PasswordReset": _texts_of(token=TEXT, password=users.PASSWORD),
    "EmailVerification": {**_body_of(account_mails.VERIFICATION), "minProperties": 1, "maxProperties": 1},
    "NewApiKey": _body_of(api_keys.MEMBERS, api_keys.REQUIRED),
    "ApiKeyChanges": _changes_of(api_keys.MEMBERS),
    "NewWebhook": _body_of(webhooks.MEMBERS, webhooks.REQUIRED),
    "WebhookChanges": _changes_of(webhooks.MEMBERS),
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
