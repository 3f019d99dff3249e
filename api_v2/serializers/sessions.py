"""API sessions as JSON: one is a login, with all tokens that have come of it."""

import uuid
from typing import Final

from django.db.models import BooleanField, ExpressionWrapper, Q, Value
from django.db.models.expressions import BaseExpression

from api_v2.json_schema import BOOLEAN
from api_v2.serializers.shapes import ENTITY, Shape, column, instant

SESSION: Final[Shape] = {
    **ENTITY,
    "expires_at": instant("expires_at"),
    "is_current": column("is_current", BOOLEAN),
}


def session_columns(current_id: uuid.UUID | None) -> dict[str, BaseExpression]:
    """Return the columns; `is_current` marks the session behind the request itself."""
    if current_id is None:
        return {"is_current": Value(False)}
    return {"is_current": ExpressionWrapper(Q(pk=current_id), output_field=BooleanField())}
