"""Whose names are about to be erased from the records: nothing shows them meanwhile."""

from typing import Any

from django.apps import apps
from django.db import models


def waiting_persons() -> models.QuerySet[Any, Any]:
    """Return the ids of the deleted users whom records still name, to be used within a query."""
    rows: models.QuerySet[Any, Any] = apps.get_model("cms", "Erasure").objects.values("user_id")
    return rows
