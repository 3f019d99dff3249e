"""Users as JSON, and the bodies that describe them."""

from typing import Any, Final

from api_v2.json_schema import (
    BOOLEAN,
    EMAIL,
    STAMP_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    described,
    or_null,
    ref,
    text_of,
)
from api_v2.serializers.bodies import Body, Member, Members, read_body
from api_v2.serializers.shapes import ENTITY, Field, Shape, column, instant
from cms import limits
from cms.services.users import UserFields

PUBLIC: Final[Shape] = {
    **ENTITY,
    "username": column("username"),
    "display_name": column("display_name"),
    "bio": column("bio"),
}
# For oneself and for admins.
PRIVATE: Final[Shape] = {
    **PUBLIC,
    "email": column("email"),
    "first_name": column("first_name"),
    "last_name": column("last_name"),
    "role": column("role", ref("UserRole")),
    "is_active": column("is_active", BOOLEAN),
    "email_verified": column("email_verified", BOOLEAN),
    "pending_email": Field(
        ("pending_email",),
        lambda row, _: row["pending_email"] or None,
        described(TEXT_OR_NULL, "The address that takes the place of `email` once it is verified."),
    ),
    "last_login_at": instant("last_login", STAMP_OR_NULL),
}
NAME: Final = text_of(0, limits.PERSON_NAME_MAX)
USERNAME: Final = text_of(*limits.USERNAME, pattern="^[A-Za-z0-9_]+$")
PASSWORD: Final = text_of(*limits.PASSWORD, format="password")
CURRENT_PASSWORD: Final[Schema] = {**TEXT, "format": "password"}
REGISTRATION: Final[Members] = {
    "username": Member(USERNAME),
    "email": Member(EMAIL),
    "password": Member(PASSWORD),
    "first_name": Member(NAME),
    "last_name": Member(NAME),
}
REQUIRED: Final = ("username", "email", "password")
CHANGES: Final[Members] = {
    "username": Member(USERNAME),
    "email": Member(described(EMAIL, "One's own takes the `current_password`, and waits until it is verified.")),
    "first_name": Member(or_null(NAME), Body.text_or_empty),
    "last_name": Member(or_null(NAME), Body.text_or_empty),
    "display_name": Member(or_null(text_of(0, limits.DISPLAY_NAME_MAX)), Body.text_or_empty),
    "bio": Member(or_null(text_of(0, limits.BIO_MAX)), Body.text_or_empty),
    "current_password": Member(described(CURRENT_PASSWORD, "For another `email` of one's own.")),
}
DELETION: Final[Members] = {
    "current_password": Member(described(CURRENT_PASSWORD, "For deleting one's own account.")),
}


def read_registration(body: Any) -> tuple[UserFields, str]:
    """Return the fields of the new user and its password."""
    fields = read_body(body, REGISTRATION, REQUIRED)
    password = fields.pop("password")
    return fields, password  # type: ignore[return-value]


def read_user_changes(body: Any) -> tuple[UserFields, str | None]:
    """Return the changes, and the password that a change of one's own address needs."""
    changes = read_body(body, CHANGES)
    current_password = changes.pop("current_password", None)
    return changes, current_password  # type: ignore[return-value]
