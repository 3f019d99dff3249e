"""Users as JSON, and the bodies that describe them."""

import uuid
from typing import Any, Final

from api_v2.json_schema import BOOLEAN, STAMP_OR_NULL, TEXT_OR_NULL, described, ref
from api_v2.pagination import Row
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import ENTITY, Field, Shape, Viewer, column, instant, write
from cms import policy
from cms.models import User
from cms.policy import Actor
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
REQUIRED: Final = ("username", "email", "password")
OPTIONAL: Final = ("first_name", "last_name")
NEVER_EMPTY: Final = ("username", "email")
CHANGEABLE: Final = (*NEVER_EMPTY, "first_name", "last_name", "display_name", "bio")
CURRENT_PASSWORD: Final = "current_password"  # noqa: S105 - the name of a member


def shape_for(actor: Actor, user_id: uuid.UUID | None) -> Shape:
    """Return the shape of the members that `actor` may see of the user with this id."""
    return PRIVATE if policy.may_manage_users(actor) or (policy.is_known(actor) and actor.pk == user_id) else PUBLIC


def write_own_user(user: User, viewer: Viewer) -> dict[str, Any]:
    """Return a user's own profile, or any for an admin."""
    return write(_row_of(user), PRIVATE, PRIVATE, viewer)


def read_registration(body: Any) -> tuple[UserFields, str]:
    """Return the fields of the new user and its password."""
    reader = Body(body, (*REQUIRED, *OPTIONAL))
    fields = {name: reader.text(name, is_required=name in REQUIRED) for name in (*REQUIRED, *OPTIONAL)}
    reader.finish()
    password = fields.pop("password")
    return (
        {name: value for name, value in fields.items() if value is not None},  # type: ignore[return-value]
        password or "",
    )


def read_user_changes(body: Any) -> tuple[UserFields, str | None]:
    """Return the changes, and the password that a change of one's own address needs."""
    reader = Body(body, (*CHANGEABLE, CURRENT_PASSWORD))
    current_password = reader.text(CURRENT_PASSWORD)
    changes = {
        name: reader.text(name) if name in NEVER_EMPTY else reader.text_or_empty(name)
        for name in CHANGEABLE
        if name in reader
    }
    reader.finish()
    return changes, current_password  # type: ignore[return-value]


def read_current_password(body: Any) -> str | None:
    """Return the password with which users delete themselves."""
    reader = Body(body, (CURRENT_PASSWORD,))
    current_password = reader.text(CURRENT_PASSWORD)
    reader.finish()
    return current_password


def read_role(body: Any) -> str:
    reader = Body(body, ("role",))
    role = reader.text("role", is_required=True)
    reader.finish()
    return role or ""


def _row_of(user: User) -> Row:
    return {name: getattr(user, name) for field in PRIVATE.values() for name in field.columns}
