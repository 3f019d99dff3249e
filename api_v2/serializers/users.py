"""Users as JSON, and the body of a registration."""

from typing import Any, Final

from api_v2.pagination import Row
from api_v2.serializers.bodies import Body
from api_v2.serializers.shapes import Shape, Viewer, column, instant, write
from cms.models import User
from cms.services.users import UserFields

PUBLIC: Final[Shape] = {
    "id": column("id"),
    "created_at": instant("created_at"),
    "updated_at": instant("updated_at"),
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
    "role": column("role"),
    "is_active": column("is_active"),
    "email_verified": column("email_verified"),
    "last_login_at": instant("last_login"),
}
REQUIRED: Final = ("username", "email", "password")
OPTIONAL: Final = ("first_name", "last_name")


def write_own_user(user: User, viewer: Viewer) -> dict[str, Any]:
    """A user's own profile, or any for an admin."""
    return write(_row_of(user), PRIVATE, PRIVATE, viewer)


def read_registration(body: Any) -> tuple[UserFields, str]:
    """The fields of the new user and its password."""
    reader = Body(body, (*REQUIRED, *OPTIONAL))
    fields = {name: reader.text(name, is_required=name in REQUIRED) for name in (*REQUIRED, *OPTIONAL)}
    reader.finish()
    password = fields.pop("password")
    return {name: value for name, value in fields.items() if value is not None}, password or ""  # type: ignore[return-value]


def _row_of(user: User) -> Row:
    return {name: getattr(user, name) for field in PRIVATE.values() for name in field.columns}
