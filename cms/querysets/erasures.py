"""Whose names are about to be erased from the records: nothing shows them meanwhile."""

from typing import Any, Final

from django.apps import apps
from django.db import models

AGAIN: Final = "again"
"""The step of an erasure that has gone through the records once; the names of later steps begin with it."""


def waiting_persons() -> models.QuerySet[Any, Any]:
    """Return the ids of the deleted users whose erasure has not ended, to be used within a query."""
    rows: models.QuerySet[Any, Any] = apps.get_model("cms", "Erasure").objects.values("user_id")
    return rows


def named_persons() -> models.QuerySet[Any, Any]:
    """Return the ids of the deleted users whom records still name, to be used within a query."""
    return waiting_persons().exclude(step__startswith=AGAIN)
