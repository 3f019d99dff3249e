"""API keys: what a request says of one, and v1's ApiKey, which never holds the secret."""

from typing import Any

from rest_framework import serializers

from api_v1.serializers.fields import TextField, TextsField
from api_v1.serializers.timestamps import timestamp, timestamp_or_null
from cms.models import ApiKey


class ApiKeyInput(serializers.Serializer[Any]):
    name = TextField()
    permissions = TextsField()


def api_key_body(api_key: ApiKey) -> dict[str, Any]:
    return {
        "id": api_key.id,
        "name": api_key.name,
        "prefix": api_key.prefix,
        "permissions": api_key.scopes,
        "is_active": api_key.is_active,
        "last_used_at": timestamp_or_null(api_key.last_used_at),
        "expires_at": timestamp_or_null(api_key.expires_at),
        "created_at": timestamp(api_key.created_at),
        "updated_at": timestamp(api_key.updated_at),
    }
