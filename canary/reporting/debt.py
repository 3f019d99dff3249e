"""Rollback debt: the rows that hold what v1 can't show, by feature, as the site declares them."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Model

from canary.conf import canary_conf
from canary.state import store

EXAMPLES: Final = 3
NAME_MAX: Final = 80
UNDECLARED: Final = "CANARY['DEBT'] names no features, so nothing is known of what v1 can't show."


def rollback_debt(now: datetime) -> dict[str, Any]:
    """Return how many rows have each feature that v1 lacks, with examples. A row may have several features."""
    _, snapshot = store.read()
    declared = canary_conf().debt
    features = [] if declared is None else [_of_feature(name, rows) for name, rows in declared(now).items()]
    return {
        "names": snapshot.names.as_json(),
        "weight_bp": snapshot.weight_bp,
        "is_declared": declared is not None,
        "features": sorted(features, key=lambda feature: -feature["count"]),
    }


def _of_feature(name: str, rows: Any) -> dict[str, Any]:
    examples = [_example(row) for row in rows[:EXAMPLES]]
    return {"feature": str(name), "count": rows.count() if examples else 0, "examples": examples}


def _example(row: Model) -> dict[str, str]:
    return {"id": str(row.pk), "name": str(row)[:NAME_MAX]}
