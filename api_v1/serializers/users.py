"""Users: the bodies for registering, signing in and changing an account, and v1's User."""

from typing import Any, Final, cast

from rest_framework import serializers

from api_v1.serializers.fields import OptionalTextField, OptionalTrueOrFalseField, TextField
from api_v1.serializers.timestamps import timestamp, timestamp_or_null
from cms.models import User
from cms.services.sessions import TokenPair
from cms.services.users import UserFields

_FOR_ADMINS: Final = ("role", "is_active")


class RegisterInput(serializers.Serializer[Any]):
    username = TextField()
    email = TextField()
    password = TextField()
    first_name = OptionalTextField()
    last_name = OptionalTextField()


class LoginInput(serializers.Serializer[Any]):
    email = TextField()
    password = TextField()
    remember_me = serializers.BooleanField(required=False, allow_null=True)  # in all the ways in which forms say it


class RefreshInput(serializers.Serializer[Any]):
    refresh_token = TextField()


class UserChanges(serializers.Serializer[Any]):
    username = OptionalTextField()
    email = OptionalTextField()
    first_name = OptionalTextField()
    last_name = OptionalTextField()
    role = OptionalTextField()
    is_active = OptionalTrueOrFalseField()


class ProofInput(serializers.Serializer[Any]):
    """Take the password with which one's own address changes. The frozen document of v1 leaves it out."""

    current_password = OptionalTextField()


def user_fields(values: dict[str, Any], account: User) -> UserFields:
    """Return the changes of an account. A client that sends the data back as it was read does not change the role."""
    fields = dict(values)
    if "role" in fields:
        fields["role"] = fields["role"].lower()
    unchanged = {name for name in _FOR_ADMINS if name in fields and fields[name] == getattr(account, name)}
    return cast("UserFields", {name: value for name, value in fields.items() if name not in unchanged})


def user_body(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role.capitalize(),
        "is_active": user.is_active,
        "email_verified": user.email_verified,
        "last_login": timestamp_or_null(user.last_login),
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
    }


def changed_user_body(user: User, changes: UserFields) -> dict[str, Any]:
    """Return a user after a change. An address that waits for its verification is shown as the unverified one."""
    if user.pending_email and changes.get("email") == user.pending_email:
        return {**user_body(user), "email": user.pending_email, "email_verified": False}
    return user_body(user)


def session_body(user: User, tokens: TokenPair) -> dict[str, Any]:
    """Return the data of register, login and refresh; `success` stands in it and in the envelope, as it always did."""
    return {
        "success": True,
        "tokens": {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_in": tokens.expires_in,
            "session_id": tokens.session_id,
        },
        "user": user_body(user),
    }
