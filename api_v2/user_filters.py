"""Which users an admin's list asks for."""

from typing import Any, Final

from django.db.models import Q, QuerySet

from api_v2.query import Query
from cms.choices import Role
from cms.models import User
from cms.policy import Actor

FILTERS: Final = ("role", "is_active", "q")
BOOLEANS: Final = {"true": True, "false": False}
SEARCHED: Final = ("username", "email", "display_name", "first_name", "last_name")


def users_asked_for(query: Query, actor: Actor) -> QuerySet[Any]:
    rows: QuerySet[Any] = User.objects.accounts_visible_to(actor)
    if roles := query.choices("role", Role.values):
        rows = rows.filter(role__in=roles)
    if states := query.choices("is_active", tuple(BOOLEANS)):
        rows = rows.filter(is_active__in=[BOOLEANS[state] for state in states])
    if text := query.text("q"):
        condition = Q()
        for name in SEARCHED:
            condition |= Q(**{f"{name}__icontains": text})
        rows = rows.filter(condition)
    return rows
